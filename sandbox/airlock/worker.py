"""The contained process: one question on standard input, one JSON answer on standard output. See `contained`."""

import json
import os
import sys
from typing import Any

from sandbox.airlock.confine import deny_system_calls, limit_resources
from sandbox.airlock.limits import InspectionLimits
from store.errors import YurtError


def main() -> None:
    """Limit first, load second, lock third; only then look at the file."""
    request = json.load(sys.stdin)
    limits = InspectionLimits(**request["limits"])
    limit_resources(limits, write_bytes=int(request.get("write_bytes", 0)))
    answer: Any
    if request["task"] == "sanitise":
        from sandbox.airlock.rewriters import rewrite

        deny_system_calls()
        try:
            answer = rewrite(request["kind"], request["fds"][0], request["fds"][1], limits)
        except MemoryError:
            answer = {"refused": "INSPECTION_LIMIT"}
    else:
        from masking.detect import detect
        from sandbox.airlock.examine import examine
        from sandbox.airlock.identities import Scanner

        try:
            if request.get("name_model"):
                from masking.ner.slot import use

                use(str(request["name_model"]))
            detect("1")  # loads its tables before the lock
        except YurtError:
            os.write(sys.stdout.fileno(), json.dumps([["INSPECTION_MODEL", "file"]]).encode())
            return
        deny_system_calls()
        try:
            answer = examine(request["name"], request["fds"][0], Scanner(detect), limits)
        except MemoryError:
            answer = [["INSPECTION_LIMIT", "file"]]
    os.write(sys.stdout.fileno(), json.dumps(answer).encode())


if __name__ == "__main__":
    main()
