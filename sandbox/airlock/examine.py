"""The examination itself: name, kind, signature, then the kind's reader. Runs inside the contained process."""

import os

from sandbox.airlock import codes
from sandbox.airlock.findings import Findings, Stop
from sandbox.airlock.identities import Scanner
from sandbox.airlock.kinds import (
    START,
    TEXTUAL,
    ZIP_TAIL,
    Kind,
    holds_pdf_header,
    holds_zip_directory,
    kind_of,
    starts_as_foreign,
)
from sandbox.airlock.limits import InspectionLimits
from sandbox.airlock.names import check_name
from sandbox.airlock.readers import reader_of
from sandbox.airlock.tables import Context


def examine(name: str, fd: int, scanner: Scanner, limits: InspectionLimits) -> list[tuple[str, str]]:
    """Findings of one file as (code, where). `name` is the file's own name, `fd` its sealed copy."""
    findings = Findings(limits.findings_per_code)
    for code in check_name(name, scanner):
        findings.add(code, "file name")
    kind = kind_of(name)
    if kind is None:
        findings.add(codes.TYPE_NOT_ALLOWED, "file name")
    else:
        with open(fd, "rb", closefd=False) as source:
            _check_signature(source.fileno(), kind, findings)
            if not findings.blocked() or kind in TEXTUAL:
                source.seek(0)
                try:
                    reader_of(kind)(source, Context(scanner, limits), findings)
                except Stop:
                    pass
                except RecursionError:
                    findings.add(codes.JSON_DEPTH, "document")
    return [(finding.code, finding.where) for finding in findings.items]


def _check_signature(fd: int, kind: Kind, findings: Findings) -> None:
    size = os.fstat(fd).st_size
    head = os.pread(fd, 4096, 0)
    tail = os.pread(fd, ZIP_TAIL, max(0, size - ZIP_TAIL))
    if kind in START and not head.startswith(START[kind]):
        findings.add(codes.TYPE_MISMATCH, "first bytes")
    if kind is Kind.PARQUET and not tail.endswith(START[kind]):
        findings.add(codes.TYPE_MISMATCH, "last bytes")
    if kind in TEXTUAL and starts_as_foreign(head, kind):
        findings.add(codes.TYPE_MISMATCH, "first bytes")
    if holds_zip_directory(tail) or (kind not in (Kind.TXT, Kind.MD) and holds_pdf_header(head)):
        findings.add(codes.POLYGLOT, "file")
