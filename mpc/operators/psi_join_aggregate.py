"""Count, sum and mean over the rows whose key all three parties hold: PSI to align, ABY3 to compute, a gate inside."""

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import numpy as np

from mpc.channel import Mesh
from mpc.environment import ENGINE
from mpc.errors import ALIGN, MISMATCH, PeerAborted
from mpc.operators.interface import Outcome, Situation
from mpc.rows import Rows, read_rows, salted_digests
from mpc.worker import Worker
from store.errors import YurtError

BELOW = "BELOW_MINIMUM"
# An alignment that stands still is ended by the agents (docs/decisions/006). These are some ten times what it takes
# where two processors are shared by three parties.
ALIGN_S = 40.0
ALIGN_ROW_S = 0.003


class PsiJoinAggregate:
    """One party's part."""

    def __init__(self, situation: Situation) -> None:
        self.at, self.job = situation, situation.manifest.job
        self.rows: Rows | None = None

    def prepare(self) -> dict[str, Any]:
        """Read keys, values and groups. Raises the codes of mpc.rows."""
        data = Path(self.job.party(self.at.me).data).name
        self.rows = read_rows(self.job, self.at.me, self.at.folder / "data" / data)
        return {"rows": len(self.rows.keys), "rejected": self.rows.rejected, "repeated": self.rows.repeated}

    async def run(self, mesh: Mesh) -> Outcome:
        """Load the engine, align, compute; the receiver's outcome carries the value."""
        names, me = self.job.names, self.at.me
        self.at.enter("load")
        folder = self._write_inputs()
        async with Worker("join.py", folder, me) as worker:
            worker.command(**self._plan(folder))
            await mesh.guard(worker.event())  # ready
            mine = {"port": _free_port(), "engine": ENGINE, "rows": len(self.rows.keys) if self.rows else 0}
            await mesh.broadcast("ready", **mine)
            said = await mesh.gather("ready")
            for peer, header in said.items():
                if header.get("engine") != ENGINE:
                    raise YurtError(MISMATCH, party=me, peer=peer, field="the engine's version")
            ports = [mine["port"] if name == me else int(said[name]["port"]) for name in names]
            worker.command(ports=ports)
            longest = max(int(header.get("rows", 0)) for header in (mine, *said.values()))
            patience: float | None = None
            while True:
                async with asyncio.timeout(patience):
                    event = await mesh.guard(worker.event())
                if event["event"] == "result":
                    break
                if event["event"] == "mismatch":
                    raise YurtError(MISMATCH, party=me, peer="another party", field=event["field"])
                if event["event"] == "step":
                    self.at.enter(str(event["step"]))
                    patience = ALIGN_S + longest * ALIGN_ROW_S if event["step"] == ALIGN else None
            await mesh.broadcast("finished")
            await mesh.gather("finished")
            worker.command(leave=True)
        facts = {"engine_sent": event["sent"], "engine_received": event["received"], "seconds": event["seconds"]}
        if me != self.job.receiver:
            return Outcome(None, facts)
        if event["tables"] is None:
            raise PeerAborted(me, "opened no result", "compute")
        return Outcome(self._value(*event["tables"]), facts)

    def _plan(self, folder: Path) -> dict[str, Any]:
        names, group = self.job.names, self.job.parameters.group_by
        return {
            "digest": self.at.digest,
            "rank": names.index(self.at.me),
            "minimum": self.job.minimum,
            "psi": self.job.parameters.psi,
            "timeout_s": self.job.parameters.timeout_s,
            "widths": [len(party.values) for party in self.job.parties],
            "groups": len(group.domain) if group else 1,
            "group_rank": names.index(group.party) if group else 0,
            "receiver_rank": names.index(self.job.receiver),
            "certificate": str(self.at.folder.resolve() / "agent/tls.crt"),
            "private_key": str(self.at.folder.resolve() / "agent/tls.key"),
            "anchors": str(folder / "anchors.pem"),
        }

    def _write_inputs(self) -> Path:
        """A private folder with what the engine needs. The agent runs under umask 077."""
        rows = self.rows
        if rows is None:
            raise PeerAborted(self.at.me, "was not prepared")
        folder = self.at.folder.resolve() / "tmp" / self.at.digest[:16]
        os.mkdir(folder, 0o700)
        (folder / "anchors.pem").write_text(self.at.anchors)
        with open(folder / "keys.csv", "w", encoding="ascii") as file:
            file.write("key,row\n")
            digests = salted_digests(rows.keys, self.at.manifest.nonce)
            file.writelines(f"{digest},{i}\n" for i, digest in enumerate(digests))
        np.save(folder / "values.npy", rows.values)
        np.save(folder / "valid.npy", rows.valid)
        if rows.groups is not None:
            np.save(folder / "groups.npy", rows.groups)
        return folder

    def _value(self, rows: list[int], counts: list[list[int]], sums: list[list[int]]) -> dict[str, Any]:
        """The opened tables in words; a zero count means that the gate closed."""
        columns = [(party.name, column) for party in self.job.parties for column in party.values]
        scale = 10**self.job.parameters.decimals
        group = self.job.parameters.group_by
        labels: tuple[str | None, ...] = group.domain if group else (None,)
        cells = []
        for label, n, count_row, sum_row in zip(labels, rows, counts, sums, strict=True):
            place: dict[str, Any] = {} if label is None else {"group": label}
            if n == 0:
                cells.append({**place, "status": BELOW})
                continue
            figures: list[dict[str, Any]] = []
            for (party, column), count, total in zip(columns, count_row, sum_row, strict=False):
                figure: dict[str, Any] = {"party": party, "column": column}
                if count == 0:
                    figure["status"] = BELOW
                else:
                    figure |= {"count": count, "sum": total / scale, "mean": total / scale / count}
                figures.append(figure)
            cells.append({**place, "status": "OK", "count": n, "columns": figures})
        if all(cell["status"] == BELOW for cell in cells):
            return {"status": BELOW}
        return {"status": "OK", "groups": cells} if group else cells[0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
