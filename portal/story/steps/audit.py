"""Step 9: the log verifies; one flipped byte in a copy is found and located; the ledger shows the job and balances."""

import tempfile
from pathlib import Path

from audit import LogBroken, verify_log
from portal.story.people import AUDITOR, OPERATOR
from portal.story.world import World


def play(world: World) -> None:
    """Prove what happened."""
    verified = world.as_(AUDITOR).api("GET", "/audit/verify")
    world.check(f"the log of {verified.get('records')} records is whole", bool(verified["whole"]), verified)
    folder = world.home / "audit"
    with tempfile.TemporaryDirectory(prefix="yurt-story-") as copies:
        copy = Path(copies) / "log.jsonl"
        content = bytearray((folder / "log.jsonl").read_bytes())
        place = len(content) // 2
        content[place] ^= 1
        copy.write_bytes(content)
        expected = content[:place].count(b"\n")
        try:
            verify_log(copy, folder / "checkpoint", folder / "key")
        except LogBroken as broken:
            world.check(f"one flipped byte in a copy is found in record {broken.position}", broken.position == expected,
                        expected)  # fmt: skip
        else:
            world.check("one flipped byte in a copy is found", False)
    ledger = world.as_(OPERATOR).api("GET", "/ledger?by=project")
    seconds = ledger["total"]["cpu_seconds"]
    measured = world.left["job"]["usage"]["cpu_seconds"]
    world.check(
        f"the ledger balances and shows the job's {measured:.1f} CPU-seconds",
        ledger["balanced"] and seconds >= measured - 0.01,
        ledger,
    )
