"""The command from outside: one line for bad usage, codes for expected failures, quick to start."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from audit import AuditLog, EventName


def yurt(
    *arguments: str, stdin: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "portal.cli.main", *arguments], input=stdin, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("policy", "check"), ("airlock", "inspect"), ("jail", "exec", "--memory", "many", "--", "true"),
     ("mask", "risk"), ("scheduler", "simulate", "--trace", "/nowhere.csv", "--gpus", "4", "--order", "fifo"),
     ("audit", "verify", "--log", "/nowhere"), ("mpc", "run", "/nowhere.yaml")],
)  # fmt: skip
def test_bad_usage_is_one_line_and_exit_status_2(arguments: tuple[str, ...]) -> None:
    said = yurt(*arguments)
    assert said.returncode == 2, said
    assert said.stdout == ""
    assert len(said.stderr.strip().splitlines()) == 1, said.stderr


@pytest.mark.parametrize(
    "group", [(), ("policy",), ("mask",), ("jail",), ("mpc",), ("scheduler",), ("airlock",), ("audit",)]
)
def test_every_group_has_help(group: tuple[str, ...]) -> None:
    said = yurt(*group, "--help")
    assert said.returncode == 0
    assert "Usage" in said.stdout


def test_starting_the_command_loads_nothing_heavy() -> None:
    heavy = {"ray", "duckdb", "pyarrow", "numpy", "sqlglot", "jupyterhub", "presidio_analyzer", "sqlalchemy", "tenseal"}
    code = "import sys, portal.cli.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert heavy & set(loaded.split()) == set()


def test_audit_verify_tells_whole_from_broken(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, bytes(32))
    for number in range(5):
        log.append(EventName.JOB_STARTED, actor="a", subject=str(number))
    arguments = ["--log", str(log.path), "--checkpoint", str(log.checkpoint_path), "--key", str(log.key_path)]
    whole = yurt("audit", "verify", *arguments)
    assert whole.returncode == 0
    assert whole.stdout.startswith("whole: 5 records, checkpoint over 5")
    log.path.write_bytes(log.path.read_bytes().replace(b'"subject":"3"', b'"subject":"9"'))
    broken = yurt("audit", "verify", *arguments)
    assert broken.returncode == 1
    assert broken.stdout.startswith("broken: record 3")


def test_every_line_of_input_has_one_line_of_output_in_order() -> None:
    lines = [{"id": number, "text": text} for number, text in enumerate(["电话13812345678", "", "no one here"])]
    said = yurt("mask", "detect", stdin="".join(json.dumps(line) + "\n" for line in lines))
    assert said.returncode == 0
    assert [json.loads(line)["id"] for line in said.stdout.splitlines()] == [0, 1, 2]
