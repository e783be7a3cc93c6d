"""The platform's memory: an append-only Merkle log that shows when it was changed.

`AuditLog` appends, `verify_log` checks a copy and needs nothing else of the platform, `EventName` is the vocabulary.
Data values never enter the log; digests and row counts do.
"""

from audit.events import EventName
from audit.log import AuditLog, Receipt
from audit.verify import LogBroken, Summary, verify_log

__all__ = ["AuditLog", "EventName", "LogBroken", "Receipt", "Summary", "verify_log"]
