"""One party's agent: `python -m mpc.party --folder PARTY`. The only process that reads that party's data and keys.

It talks JSON lines with the coordinator, which it does not trust: every statement it makes is signed, every job it is
given is checked against all approvers' signatures and its own policy, and it speaks with peers over pinned TLS only.

    in   {"type": "job", "signed": …}   {"type": "start", "ports": {name: port}}   {"type": "cancel"}
    out  {"type": "hello", "party"}  {"type": "port", "port"}  {"type": "step", "step"}
         {"type": "record", "record": {…, "outcome": accepted|refused|done|aborted}, "signature"}
"""

import argparse
import asyncio
import contextlib
import datetime
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rfc8785

from mpc import manifest as manifests
from mpc.channel import Mesh
from mpc.errors import ABORTED, OUT_OF_TIME, PeerAborted
from mpc.identity import Card, party_name, pinned, write_private
from mpc.manifest import SignedJob
from mpc.operators.encrypted_score import EncryptedScore
from mpc.operators.interface import JointOperator, Situation
from mpc.operators.psi_join_aggregate import PsiJoinAggregate
from mpc.policy import load_policy, permit
from store.errors import YurtError

OPERATORS: dict[str, Callable[[Situation], JointOperator]] = {
    "psi_join_aggregate": PsiJoinAggregate,
    "encrypted_score": EncryptedScore,
}


class Agent:
    """One agent, for one job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = party_name(folder)
        self.cards: dict[str, Card] = pinned(folder)
        self.step, self.digest = "verify", ""
        self.started = time.monotonic()
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def serve(self) -> None:
        """Take one job from standard input, to its end."""
        # A previous agent that was killed may have left its engine's folder behind.
        for left in (self.folder / "tmp").iterdir():
            shutil.rmtree(left, ignore_errors=True)
        listener = asyncio.create_task(self._listen())
        say("hello", party=self.name)
        try:
            message = await self.inbox.get()
            if message["type"] != "job":
                return
            try:
                signed = SignedJob.model_validate(message["signed"])
                operator, facts = self._admit(signed)
            except YurtError as error:
                self.record("refused", code=error.code, message=error.message, hint=error.hint)
                return
            self.record("accepted", **facts)
            await self._join(signed, operator)
        finally:
            listener.cancel()

    def _admit(self, signed: SignedJob) -> tuple[JointOperator, dict[str, Any]]:
        """All checks before any peer hears from us. Raises the first reason to refuse."""
        self.digest = signed.manifest.digest()
        manifests.verify(signed, self.name, self.cards, datetime.datetime.now(datetime.UTC))
        permit(signed.manifest.job, self.name, load_policy(self.folder))
        manifests.spend_nonce(self.folder / "state", signed.manifest.nonce, self.name)
        self.enter("prepare")
        names = signed.manifest.job.names
        anchors = "".join(self.cards[name].certificate for name in names)
        situation = Situation(signed.manifest, self.digest, self.name, self.folder, anchors, self.enter)
        operator = OPERATORS[signed.manifest.job.operator](situation)
        return operator, operator.prepare()

    async def _join(self, signed: SignedJob, operator: JointOperator) -> None:
        """Connect, compute, record. Whatever fails, peers hear it and the record says it."""
        job = signed.manifest.job
        mesh = Mesh(self.folder, self.name, job.names, self.cards, self.digest)
        say("port", port=await mesh.listen())
        finished = False
        try:
            message = await self.inbox.get()
            if message["type"] != "start":
                self.record("aborted", code=ABORTED.name, peer="", step=self.step, why="was called off")
                return
            self.enter("connect")
            async with asyncio.timeout(job.parameters.timeout_s):
                work = asyncio.ensure_future(self._compute(mesh, operator, message["ports"]))
                stop = asyncio.ensure_future(self.inbox.get())
                await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    work.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await work
                    raise PeerAborted("coordinator", "went away or called the job off")
                stop.cancel()
                facts = work.result()
            finished = True
            self.record("done", **facts)
        except PeerAborted as aborted:
            await self._abort(mesh, aborted.peer, aborted.why, aborted.step or self.step, ABORTED.name)
        except TimeoutError:
            await self._abort(mesh, self.name, OUT_OF_TIME, self.step, ABORTED.name)
        except YurtError as error:
            await self._abort(mesh, self.name, f"met {error.code}: {error.message}", self.step, error.code)
        finally:
            await mesh.close(finished)

    async def _compute(self, mesh: Mesh, operator: JointOperator, ports: dict[str, int]) -> dict[str, Any]:
        await mesh.guard(mesh.connect(ports))
        outcome = await operator.run(mesh)
        self.enter("reveal")
        facts = {**outcome.facts, "sent": mesh.sent, "received": mesh.received}
        if outcome.value is not None:
            text = json.dumps({"digest": self.digest, "value": outcome.value}, ensure_ascii=False).encode()
            write_private(self.folder / "results" / f"{self.digest}.json", text)
            facts["result_sha256"] = hashlib.sha256(text).hexdigest()
        return facts

    async def _abort(self, mesh: Mesh, peer: str, why: str, step: str, code: str) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(2):
                await mesh.broadcast("abort", culprit=peer, why=why, step=step)
        self.record("aborted", code=code, peer=peer, why=why, step=step)

    def enter(self, step: str) -> None:
        """A step begins."""
        self.step = step
        say("step", step=step)

    def record(self, outcome: str, **facts: object) -> None:
        """Sign a statement, append it to the party's own chained audit file, then say it."""
        statement = {
            "party": self.name,
            "digest": self.digest,
            "outcome": outcome,
            "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "elapsed_s": round(time.monotonic() - self.started, 3),
            **facts,
        }
        signed = manifests.sign_record(statement, self.folder / "agent/agent.key")
        path = self.folder / "audit.jsonl"
        before = path.read_bytes().splitlines()[-1:] if path.exists() else []
        line = {**signed, "previous": hashlib.sha256(before[0] if before else b"").hexdigest()}
        with open(path, "ab") as file:
            file.write(rfc8785.dumps(line) + b"\n")  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        say("record", **signed)

    async def _listen(self) -> None:
        reader = asyncio.StreamReader(limit=1 << 24)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            self.inbox.put_nowait(json.loads(line))
        self.inbox.put_nowait({"type": "cancel"})


def say(kind: str, **fields: object) -> None:
    """One JSON line to the coordinator. A coordinator that is gone is noticed on standard input."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps({"type": kind, **fields}, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Run the agent of one party folder."""
    parser = argparse.ArgumentParser(description="One party's agent for one joint job.")
    parser.add_argument("--folder", type=Path, required=True, help="the party's folder")
    os.umask(0o077)
    asyncio.run(Agent(parser.parse_args().folder).serve())


if __name__ == "__main__":
    main()
