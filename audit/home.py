"""The platform's own log. Apart from `audit.log`, so that log and verifier need nothing of the platform."""

from audit.log import AuditLog
from store.secrets import Secrets
from store.settings import Settings


def open_log(settings: Settings, secrets: Secrets) -> AuditLog:
    """The log in the platform's home, signed with its key."""
    return AuditLog(settings.home / "audit", secrets.key("audit-signing"), settings.audit_hash)
