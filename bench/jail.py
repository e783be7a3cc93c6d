"""Starting a command in the jail against starting it natively."""

import subprocess
from collections.abc import Iterator

from bench.measure import Row, in_turns
from sandbox.jail.interface import JailSpec
from sandbox.jail.run import run_jailed
from sandbox.profile import SEALED_JOB


def rows() -> Iterator[Row]:
    """/usr/bin/true, and Python starting and stopping."""
    for name, command in {"true": ["/usr/bin/true"], "python": ["/usr/bin/python3", "-S", "-c", "pass"]}.items():
        spec = JailSpec(command, SEALED_JOB, instance="bench")
        yield in_turns(
            f"jailed {name}",
            lambda spec=spec: run_jailed(spec),  # type: ignore[misc]  # bound now, called in this turn of the loop
            f"native {name}",
            lambda command=command: subprocess.run(command, check=True),  # type: ignore[misc]
        )
