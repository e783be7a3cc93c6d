"""The jail: one command, alone, without network, within limits, on interchangeable backends."""

from sandbox.jail.interface import Backend, Bind, JailResult, JailSpec
from sandbox.jail.run import BACKENDS, Jail, backend_named, run_jailed, start_jailed, sweep

__all__ = [
    "BACKENDS",
    "Backend",
    "Bind",
    "Jail",
    "JailResult",
    "JailSpec",
    "backend_named",
    "run_jailed",
    "start_jailed",
    "sweep",
]
