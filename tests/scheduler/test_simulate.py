"""Replaying a trace: figures that can be worked out by hand, a real trace's shape, and the command."""

import csv
import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from portal.cli.scheduler import app
from scheduler.metrics import Fairness, jain, percentile
from scheduler.order import RULES
from scheduler.pool import Job, Node
from scheduler.resources import Resources
from scheduler.simulate import simulate
from scheduler.trace import read_tenants, read_trace
from store.errors import YurtError

HEADER = "job_id,tenant,submit_s,gpus,duration_s\n"
TWO = HEADER + "a,red,0,2,10\nb,blue,0,1,10\nc,blue,5,1,20\n"


@pytest.fixture
def two(tmp_path: Path) -> Path:
    file = tmp_path / "two.csv"
    file.write_text(TWO)
    return file


def test_a_schedule_worked_out_by_hand(two: Path) -> None:
    # a holds both GPUs until 10; then b until 20 and c until 30, side by side.
    done = simulate(read_trace(two), Resources(gpu_milli=2000), RULES["fifo"]).summary
    assert (done.makespan_s, done.wait_mean_s, done.wait_p50_s, done.wait_max_s) == (30, 5, 5, 10)
    assert done.utilisation == round((20 + 10 + 20) / 60, 4)
    assert (done.jobs, done.refused, done.preemptions) == (3, 0, 0)


def test_a_job_larger_than_the_pool_is_counted_as_refused(two: Path) -> None:
    done = simulate(read_trace(two), Resources(gpu_milli=1000), RULES["fifo"])
    assert [job.id for job in done.refused] == ["a"]
    assert done.summary.jobs == 2


def test_fair_orders_share_more_evenly_than_arrival(tmp_path: Path) -> None:
    # Shaped like a research cluster: one tenant floods it, most jobs are small and short, a few are wide and long.
    draw = random.Random(7)  # noqa: S311 - a test trace
    jobs = []
    for number in range(800):
        tenant = "flood" if draw.random() < 0.7 else draw.choice(["a", "b", "c", "d"])
        gpus = draw.choice([1, 1, 1, 1, 2, 4, 8])
        jobs.append(
            Job(str(number), (tenant,), Resources(gpu_milli=gpus * 1000), number * 20.0, draw.expovariate(1 / 900))
        )
    capacity = Resources(gpu_milli=32_000)
    done = {name: simulate(jobs, capacity, rule).summary for name, rule in RULES.items()}
    assert all(summary.jobs == 800 for summary in done.values())
    assert done["drf"].jain_backlogged > done["fifo"].jain_backlogged + 0.1
    assert done["fair"].jain_backlogged > done["fifo"].jain_backlogged + 0.1
    assert done["backfill"].wait_mean_s < done["fifo"].wait_mean_s
    assert done["sjf"].wait_mean_s < done["backfill"].wait_mean_s


def test_weights_and_limits_come_from_the_tenants_file(tmp_path: Path) -> None:
    file = tmp_path / "tenants.csv"
    file.write_text("tenant,weight,gpus\nred,2,\nblue/x,0.5,4\n")
    assert read_tenants(file) == {
        ("red",): Node(2.0, None),
        ("blue", "x"): Node(0.5, Resources(gpu_milli=4000)),
    }


def test_jain_is_one_for_equals_and_one_over_n_for_a_single_winner() -> None:
    assert jain([2.0, 2.0, 2.0]) == 1.0
    assert jain([5.0, 0.0, 0.0, 0.0]) == 0.25
    assert jain([0.0, 0.0]) == 1.0


def test_fairness_is_averaged_over_the_time_in_which_two_or_more_wait() -> None:
    fairness = Fairness()
    fairness.add([1.0], 1000.0)
    fairness.add([1.0, 1.0], 10.0)
    fairness.add([1.0, 0.0], 30.0)
    assert fairness.index() == (10 * 1.0 + 30 * 0.5) / 40


def test_percentiles_are_values_that_occurred() -> None:
    waits = [float(n) for n in range(1, 101)]
    assert [percentile(waits, f) for f in (0.5, 0.95, 1.0)] == [50.0, 95.0, 100.0]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("x,red,0,1", "one value per column"),
        ("x,red,0,1,5,6", "one value per column"),
        ("x,red,0,one,5", "gpus must be a number"),
        ("x,red,-1,1,5", "submit_s must be a number"),
        ("x,red,nan,1,5", "submit_s must be a number"),
        ("x,red,0,1,inf", "duration_s must be a number"),
        ("x,red,0,0,5", "above 0"),
        (",red,0,1,5", "needs an id"),
        ("x,red//y,0,1,5", "a tenant"),
        ("a,red,0,1,5", "given twice"),
    ],
)
def test_a_bad_line_is_named_and_ends_the_command_with_2(tmp_path: Path, line: str, why: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(f"{TWO}{line}\n")
    with pytest.raises(YurtError, match=f"line 5: .*{why}"):
        read_trace(file)
    done = CliRunner().invoke(app, ["simulate", "--trace", str(file), "--gpus", "2", "--order", "fifo"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "bad.csv line 5" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("content", ["", HEADER, "job,who\n1,2\n", "\xff\xfe"])
def test_a_file_that_is_no_trace_ends_the_command_with_2(tmp_path: Path, content: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(content, encoding="latin-1")
    done = CliRunner().invoke(app, ["simulate", "--trace", str(file), "--gpus", "2", "--order", "fifo"])
    assert done.exit_code == 2


@pytest.mark.parametrize("name", list(RULES))
def test_the_command_prints_one_json_object(two: Path, tmp_path: Path, name: str) -> None:
    tenants = tmp_path / "tenants.csv"
    with tenants.open("w", newline="") as text:
        csv.writer(text).writerows([("tenant", "weight"), ("red", 1), ("blue", 3)])
    arguments = ["simulate", "--trace", str(two), "--gpus", "2", "--order", name, "--tenants", str(tenants), "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["order"], summary["jobs"], summary["makespan_s"]) == (name, 3, 30.0)


def test_an_unknown_order_ends_the_command_with_2(two: Path) -> None:
    done = CliRunner().invoke(app, ["simulate", "--trace", str(two), "--gpus", "2", "--order", "lottery"])
    assert done.exit_code == 2
    assert "fifo" in done.stderr
