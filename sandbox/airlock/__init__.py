"""The airlock: the only way for files out of a sandbox. Automatic inspection, then people, then a one-time ticket."""

from sandbox.airlock.inspect import inspect
from sandbox.airlock.limits import DEFAULT_LIMITS, InspectionLimits
from sandbox.airlock.sanitise import Sanitised, sanitise
from sandbox.airlock.verdict import Finding, Inspection, Verdict

__all__ = [
    "DEFAULT_LIMITS",
    "Finding",
    "Inspection",
    "InspectionLimits",
    "Sanitised",
    "Verdict",
    "inspect",
    "sanitise",
]
