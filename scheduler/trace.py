"""Reading a trace and its tenants: CSV in, jobs and quota nodes out; a bad line is named, never skipped."""

import csv
from collections.abc import Iterator
from math import isfinite
from pathlib import Path as File

from scheduler.errors import TRACE_INVALID
from scheduler.pool import Job, Node, Path
from scheduler.resources import Resources
from store.errors import YurtError

COLUMNS = ("job_id", "tenant", "submit_s", "gpus", "duration_s")
TENANT_COLUMNS = ("tenant", "weight")
_MAX = 1e12


def read_trace(file: File) -> list[Job]:
    """The jobs of a trace `job_id,tenant,submit_s,gpus,duration_s`; a job's wall limit is its duration.

    A tenant `a/b/c` is a path in the quota tree. Raises TRACE_INVALID with the line number.
    """
    jobs: dict[str, Job] = {}
    for line, row in _rows(file, COLUMNS):
        submit, gpus, duration = (_number(file, line, row, column) for column in COLUMNS[2:])
        gpu_milli = round(gpus * 1000)
        if gpu_milli < 1 or duration <= 0 or not row["job_id"] or not all(row["tenant"].split("/")):
            raise _invalid(file, line, "a job needs an id, a tenant, GPUs and a duration above 0")
        if row["job_id"] in jobs:
            raise _invalid(file, line, "this job_id is given twice")
        job = Job(row["job_id"], tuple(row["tenant"].split("/")), Resources(gpu_milli=gpu_milli), submit, duration)
        jobs[job.id] = job
    if not jobs:
        raise _invalid(file, 2, "there are no jobs")
    return list(jobs.values())


def read_tenants(file: File) -> dict[Path, Node]:
    """Weights `tenant,weight`, and optionally `gpus`, the most the tenant may hold. Raises TRACE_INVALID."""
    nodes: dict[Path, Node] = {}
    for line, row in _rows(file, TENANT_COLUMNS):
        weight = _number(file, line, row, "weight")
        limit = Resources(gpu_milli=round(_number(file, line, row, "gpus") * 1000)) if row.get("gpus") else None
        path = tuple(row["tenant"].split("/"))
        if weight <= 0 or not all(path) or path in nodes:
            raise _invalid(file, line, "each tenant is named once, with a weight above 0", TENANT_COLUMNS)
        nodes[path] = Node(weight, limit)
    return nodes


def _rows(file: File, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with file.open(encoding="utf-8", newline="") as text:
            reader = csv.DictReader(text, strict=True)
            if not set(columns) <= set(reader.fieldnames or ()):
                raise _invalid(file, 1, "the header is not right", columns)
            for row in reader:
                if None in row or any(row[column] is None for column in columns):
                    raise _invalid(file, reader.line_num, "it does not have one value per column", columns)
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error):
        raise _invalid(file, 1, "the file cannot be read as UTF-8 CSV", columns) from None


def _number(file: File, line: int, row: dict[str, str], column: str) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = -1.0
    if not isfinite(value) or not 0 <= value <= _MAX:
        raise _invalid(file, line, f"{column} must be a number of 0 or more")
    return value


def _invalid(file: File, line: int, why: str, columns: tuple[str, ...] = COLUMNS) -> YurtError:
    return YurtError(TRACE_INVALID, file=file.name, line=line, why=why, expects=f"the columns are {','.join(columns)}")
