"""Real party folders, real agent processes, the real engine (built if it is missing)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
import yaml

from mpc import environment
from mpc.job import JobFile, parse_job
from mpc.setup import set_up

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)

Workshop = Callable[[dict[str, Any], dict[str, Any]], tuple[JobFile, Path]]


def id_card(number: int) -> str:
    """The number-th made-up identity number with a right check digit."""
    body = f"150102{1950 + number % 50:04d}{1 + number // 50 % 12:02d}{1 + number // 600 % 28:02d}{number % 1000:03d}"
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True)) % 11]


@pytest.fixture(scope="session")
def engine() -> Path:
    """The engine's Python."""
    return environment.build()


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """Write a job and its inputs (name of file to DataFrame or dict), make the party folders, give both."""

    def make(job: dict[str, Any], inputs: dict[str, Any]) -> tuple[JobFile, Path]:
        source, parties = tmp_path / "inputs", tmp_path / "parties"
        source.mkdir()
        for name, content in inputs.items():
            if isinstance(content, pd.DataFrame) and name.endswith(".parquet"):
                content.to_parquet(source / name)
            elif isinstance(content, pd.DataFrame):
                content.to_csv(source / name, index=False)
            else:
                (source / name).write_text(content)
        parsed = parse_job(yaml.safe_dump(job, allow_unicode=True))
        set_up(parsed, parties, source)
        return parsed, parties

    return make


@pytest.fixture
def nothing_left(tmp_path: Path) -> Callable[[], None]:
    """Assert that no process and no temporary file of the job is left."""

    def check() -> None:
        lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
        assert [line for line in lines if str(tmp_path) in line] == []
        assert [str(path) for path in (tmp_path / "parties").glob("*/tmp/*")] == []

    return check
