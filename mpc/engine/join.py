"""The engine side of psi_join_aggregate: align rows by PSI (libpsi), then count and sum in ABY3 (libspu).

Run by the engine's own Python: `join.py COMMAND_FD EVENT_FD`. Commands and events are JSON lines. The first command is
the plan; the event `ready` says that the libraries are loaded; the second command gives the peers' ports. Inputs lie in
the current folder: keys.csv (key,row), values.npy and valid.npy (int64, rows x columns), groups.npy (int64, rows).

The gate is part of the secret program: what is below the minimum is replaced by zeros before anything is opened.
"""

import csv
import ctypes
import functools
import hashlib
import json
import os
import signal
import socket
import struct
import sys
import time
from typing import Any

PR_SET_PDEATHSIG = 1
if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
    sys.exit("cannot tie the engine to its keeper")

import jax  # noqa: E402 -- the prctl must come first
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from spu import Io, Runtime, libspu, psi  # noqa: E402
from spu.utils import frontend  # noqa: E402

jax.config.update("jax_enable_x64", True)
SECRET = libspu.Visibility.VIS_SECRET
WORLD = 3  # ABY3 is a protocol of three


class Disagreement(Exception):
    """The parties do not have the same `field`."""


def gated(groups: jax.Array, minimum: int, values: jax.Array, valid: jax.Array) -> tuple[jax.Array, ...]:
    """Counts and sums per group, zero where a count is below `minimum`.

    groups int64 (g, n), one-hot; values and valid int64 (n, v). Returns rows (g,), counts (g, v), sums (g, v).
    Where exactly one cell of a column would be withheld, the smallest released one is withheld too: every
    party knows the total from the alignment and could subtract.
    """
    rows = jnp.sum(groups, axis=1)
    counts = groups @ jnp.concatenate([rows_of(values), valid], axis=1)
    shown = counts >= minimum
    withheld = jnp.sum(jnp.where(shown, 0, 1), axis=0)
    largest = groups.shape[1] + 1
    smallest = jnp.min(jnp.where(shown, counts, largest), axis=0)
    if groups.shape[0] > 1:
        shown = shown & ~((withheld == 1)[None, :] & (counts == smallest[None, :]))
    whole = shown[:, 0]
    cells = shown[:, 1:] & whole[:, None]
    sums = groups @ values
    return jnp.where(whole, rows, 0), jnp.where(cells, counts[:, 1:], 0), jnp.where(cells, sums, 0)


def rows_of(values: jax.Array) -> jax.Array:
    """A column of ones, so that whole rows are counted like any column."""
    return jnp.ones((values.shape[0], 1), dtype=jnp.int64)


def program(minimum: int, groups: jax.Array, *columns: jax.Array) -> tuple[jax.Array, ...]:
    """`gated` with each party's columns as its own inputs: values and valid alternate."""
    return gated(groups, minimum, jnp.concatenate(columns[0::2], axis=1), jnp.concatenate(columns[1::2], axis=1))


class Party:
    """One party's engine: its link, its clock, its events."""

    def __init__(self, command_fd: int, event_fd: int) -> None:
        self.commands = os.fdopen(command_fd, "r", encoding="utf-8")
        self.events = os.fdopen(event_fd, "w", encoding="utf-8")
        self.plan: dict[str, Any] = json.loads(self.commands.readline())
        self.rank = int(self.plan["rank"])
        self.link: Any = None

    def tell(self, event: str, **fields: Any) -> None:
        """One JSON line to the agent."""
        self.events.write(json.dumps({"event": event, **fields}) + "\n")
        self.events.flush()

    def join(self) -> None:
        """Connect to the peers over mutually authenticated TLS."""
        ports = json.loads(self.commands.readline())["ports"]
        wish = libspu.link.Desc()
        wish.id = self.plan["digest"]
        for rank, port in enumerate(ports):
            wish.add_party(f"party-{rank}", f"127.0.0.1:{port}")
        wish.recv_timeout_ms = wish.http_timeout_ms = self.plan["timeout_s"] * 1000
        wish.connect_retry_times, wish.connect_retry_interval_ms = 100, 100
        wish.enable_ssl = True
        for side in (wish.client_ssl_opts, wish.server_ssl_opts):
            side.cert.certificate_path, side.cert.private_key_path = self.plan["certificate"], self.plan["private_key"]
            side.verify.ca_file_path, side.verify.verify_depth = self.plan["anchors"], 1
        self.link = libspu.link.create_brpc(wish, self.rank)
        # libpsi greets all peers a second time on this link, under the same message keys. A greeting that comes before
        # its receiver has taken the first one is lost, and the receiver waits for ever (docs/decisions/006).
        self.link.barrier()

    def align(self) -> np.ndarray:
        """Run PSI; return my row numbers in the common order (int64). Raises Disagreement."""
        here = os.getcwd()
        config = psi.PsiExecuteConfig(
            protocol_conf=psi.PsiProtocolConfig(
                protocol=psi.parse_protocol("PROTOCOL_" + self.plan["psi"]),
                receiver_rank=0,
                broadcast_result=True,
                ecdh_params=psi.EcdhParams(curve=psi.EllipticCurveType.CURVE_FOURQ),
            ),
            input_params=psi.InputParams(path=f"{here}/keys.csv", selected_keys=["key"], keys_unique=True),
            output_params=psi.OutputParams(path=f"{here}/common.csv", disable_alignment=False),
        )
        psi.psi_execute(config, self.link)
        keys: list[str] = []
        rows: list[int] = []
        if os.path.exists(f"{here}/common.csv"):
            with open(f"{here}/common.csv", newline="") as file:
                for line in csv.DictReader(file):
                    keys.append(line["key"])
                    rows.append(int(line["row"]))
        self.agree("the order of the aligned rows", hashlib.sha256("\n".join(keys).encode()).hexdigest())
        return np.asarray(rows, dtype=np.int64)

    def agree(self, field: str, mine: str) -> None:
        """All parties must hold the same text."""
        if len(set(self.link.all_gather(mine))) != 1:
            raise Disagreement(field)

    def deal(self, runtime: Any, io: Any, owner: int, name: str, array: np.ndarray | None) -> None:
        """The owner splits an array and sends each peer its share; the others take theirs."""
        if self.rank == owner:
            shares = io.make_shares(array, SECRET)
            for peer in range(WORLD):
                if peer != owner:
                    self.give(peer, shares[peer])
            runtime.set_var(name, shares[owner])
        else:
            runtime.set_var(name, self.take(owner))

    def give(self, peer: int, share: Any) -> None:
        """Send one share."""
        self.link.send(peer, bytes(share.meta))
        self.link.send(peer, str(len(share.share_chunks)))
        for chunk in share.share_chunks:
            self.link.send(peer, chunk)

    def take(self, peer: int) -> Any:
        """Receive one share."""
        share = libspu.Share()
        share.meta = self.link.recv(peer)
        share.share_chunks = [self.link.recv(peer) for _ in range(int(self.link.recv(peer)))]
        return share

    def compute(self, rows: np.ndarray) -> list[np.ndarray] | None:
        """Share, run, and open at the receiver only. Returns three arrays there, None elsewhere."""
        plan = self.plan
        # Padding to the minimum keeps a tiny intersection from showing in the sizes of the messages.
        n = max(len(rows), plan["minimum"])
        shapes = [(plan["groups"], n)]
        names, owners = ["groups"], [plan["group_rank"]]
        for rank, width in enumerate(plan["widths"]):
            for kind in ("values", "valid"):
                if width:
                    names.append(f"{kind}-{rank}")
                    owners.append(rank)
                    shapes.append((n, width))
        if len(names) == 1:  # nothing to sum: count rows only, with an empty column of the first party
            names += ["values-0", "valid-0"]
            owners += [0, 0]
            shapes += [(n, 1), (n, 1)]
        config = libspu.RuntimeConfig(protocol=libspu.ProtocolKind.ABY3, field=libspu.FieldType.FM64)
        io, runtime = Io(WORLD, config), Runtime(self.link, config)
        secret = functools.partial(program, plan["minimum"])
        code, _ = frontend.compile(
            frontend.Kind.JAX,
            secret,
            [np.zeros(shape, np.int64) for shape in shapes],
            {},
            names,
            [SECRET] * len(names),
            lambda outputs: [f"output-{i}" for i in range(len(outputs))],
        )
        self.agree("the compiled program", hashlib.sha256(code.code).hexdigest())
        for name, owner, shape in zip(names, owners, shapes, strict=True):
            array = self.padded(name, rows, shape) if owner == self.rank else None
            self.deal(runtime, io, owner, name, array)
        runtime.run(code)
        opened = []
        for name in code.output_names:
            share = runtime.get_var(name)
            if self.rank != plan["receiver_rank"]:
                self.give(plan["receiver_rank"], share)
                continue
            shares = [share if rank == self.rank else self.take(rank) for rank in range(WORLD)]
            opened.append(io.reconstruct(shares).astype(np.int64))
        return opened or None

    def padded(self, name: str, rows: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """My input `name` in the common order, zeros below."""
        array = np.zeros(shape, np.int64)
        if name == "groups":
            index = np.load("groups.npy")[rows] if os.path.exists("groups.npy") else np.zeros(len(rows), np.int64)
            there = index >= 0
            array[index[there], np.arange(len(rows))[there]] = 1
        elif self.plan["widths"][self.rank]:
            array[: len(rows)] = np.load(name.split("-")[0] + ".npy")[rows]
        return array


def traffic() -> tuple[int, int]:
    """TCP payload bytes (sent, received) of this process's open connections, TLS included (tcp_info of Linux)."""
    sent = received = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                with socket.socket(fileno=os.dup(int(name))) as copy:
                    info = copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
                acked, got = struct.unpack_from("QQ", info, 120)
                sent, received = sent + acked, received + got
        except OSError:
            continue
    return sent, received


def main() -> None:
    """Follow the plan; tell every step, and at the end the result or why there is none."""
    party = Party(int(sys.argv[1]), int(sys.argv[2]))
    step, started = "load", time.monotonic()
    seconds: dict[str, float] = {}

    def enter(name: str) -> None:
        nonlocal step, started
        seconds[step] = round(time.monotonic() - started, 3)
        step, started = name, time.monotonic()
        party.tell("step", step=name)

    try:
        party.tell("ready")
        party.join()
        enter("align")
        rows = party.align()
        enter("compute")
        opened = party.compute(rows)
        party.link.barrier()
        enter("end")
        sent, received = traffic()
        tables = [table.tolist() for table in opened] if opened else None
        party.tell("result", tables=tables, sent=sent, received=received, seconds=seconds)
        party.commands.readline()  # the agent says when all have finished: an early exit would cut the peers' links
    except Disagreement as difference:
        party.tell("mismatch", step=step, field=str(difference))
        os._exit(3)
    except Exception as error:  # noqa: BLE001 -- whatever the library threw, the agent must hear of it
        party.tell("failed", step=step, kind=type(error).__name__)
        print(repr(error), file=sys.stderr, flush=True)
        os._exit(4)
    # Library threads may outlive main and crash in static destructors; the result is already told.
    os._exit(0)


if __name__ == "__main__":
    main()
