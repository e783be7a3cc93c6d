"""`inspect(path)`: the automatic half of the airlock. What it cannot judge goes to people."""

import re
from pathlib import Path

from sandbox.airlock import contained
from sandbox.airlock.codes import CODES, INSPECTION_FAILED
from sandbox.airlock.limits import DEFAULT_LIMITS, InspectionLimits
from sandbox.airlock.verdict import Finding, Inspection, worst

_WHERE = re.compile(r"[A-Za-z0-9 ,.$\[\]]{1,200}")


def inspect(
    path: str | Path, *, name: str | None = None, limits: InspectionLimits = DEFAULT_LIMITS, name_model: str = ""
) -> Inspection:
    """Inspect one file; never raises for what the file is.

    `name` is the name it would leave under (default: its own); `name_model` the reader of names of the settings, which
    has to be installed where the contained process finds it: it gets no path of the caller. Takes about a second: a
    process is started for it.
    """
    file = Path(path)
    try:
        with contained.sealed_copy(file, limits) as copy:
            try:
                task: dict[str, object] = {"task": "examine", "name": name or file.name, "name_model": name_model}
                answer = contained.run(task, limits, copy.fd)
                findings = _believe(answer)
            except contained.Refused as refused:
                findings = (CODES[refused.reason].at("file"),)
            verdict = worst([finding.verdict for finding in findings])
            return Inspection(str(path), verdict, findings, copy.digest, copy.size)
    except contained.Refused as refused:
        findings = (CODES[refused.reason].at("file"),)
        return Inspection(str(path), findings[0].verdict, findings)


def _believe(answer: object) -> tuple[Finding, ...]:
    """The contained process read hostile bytes: take only known codes and plain positions from it."""
    if not isinstance(answer, list):
        return (INSPECTION_FAILED.at("file"),)
    findings = []
    for item in answer:
        code, where = item if isinstance(item, list) and len(item) == 2 else ("", "")
        if code not in CODES or not isinstance(where, str) or not _WHERE.fullmatch(where):
            return (INSPECTION_FAILED.at("file"),)
        findings.append(CODES[code].at(where))
    return tuple(findings)
