"""A party's input: read it, normalise its keys, quantise its values. Runs only in that party's own agent."""

import hashlib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from mpc.errors import COLUMN_MISSING, DATA_UNREADABLE, DUPLICATE_KEY, RANGE, VALUE_INVALID
from mpc.job import JobFile
from store.errors import YurtError

# Sums are opened as signed 64-bit integers of FM64. libspu wraps silently beyond the ring, so one bit stays spare.
SUM_BITS = 62
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999


@dataclass(frozen=True, slots=True)
class Rows:
    """One party's rows, ready for the engine. Row i has key `keys[i]`; arrays are indexed likewise."""

    keys: list[str]  # n, normalised, unique
    rejected: int  # rows left out because their key is empty or its check digit is wrong
    repeated: int  # rows left out as repetitions, where the job declares `duplicates: first`
    values: np.ndarray  # int64 (n, columns): value * 10**decimals, 0 where missing
    valid: np.ndarray  # int64 (n, columns): 1 where there is a value
    groups: np.ndarray | None  # int64 (n,): index into the domain, -1 where outside it


def normalise_key(text: str) -> str:
    """The one spelling of a key: full-width forms to ASCII (NFKC), no white space, upper case (so x is X)."""
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def id_card_holds(key: str) -> bool:
    """Whether an 18-character identity number has the right check digit (GB 11643-1999, ISO 7064 MOD 11-2)."""
    if len(key) != 18 or not (key[:17].isascii() and key[:17].isdigit()):
        return False
    rest = sum(int(digit) * weight for digit, weight in zip(key[:17], _WEIGHTS, strict=True)) % 11
    return key[17] == "10X98765432"[rest]


def salted_digests(keys: list[str], nonce: str) -> list[str]:
    """Keys as 128-bit digests under the job's nonce, so that no engine file holds a key in clear."""
    salt = bytes.fromhex(nonce)
    return [hashlib.blake2b(key.encode(), digest_size=16, key=salt).hexdigest() for key in keys]


def read_table(path: Path, party: str, columns: tuple[str, ...], text: frozenset[str]) -> pa.Table:
    """Columns of a CSV or Parquet file, those in `text` as strings. Raises DATA_UNREADABLE, COLUMN_MISSING."""
    try:
        if path.suffix == ".parquet":
            file = pa_parquet.ParquetFile(path)
            names = file.schema_arrow.names
        else:
            with pa_csv.open_csv(path) as reader:
                names = reader.schema.names
        for column in columns:
            if column not in names:
                raise YurtError(COLUMN_MISSING, party=party, column=column)
        if path.suffix == ".parquet":
            table = file.read(columns=list(columns))
        else:
            # Identity numbers must be read as text: as numbers they would lose their last digit or their X.
            convert = pa_csv.ConvertOptions(
                include_columns=list(columns),
                column_types=dict.fromkeys(text, pa.string()),
                strings_can_be_null=True,
            )
            table = pa_csv.read_csv(path, convert_options=convert)
    except (OSError, pa.ArrowException) as error:
        raise YurtError(DATA_UNREADABLE, party=party, data=path.name) from error
    return table


def numbers(table: pa.Table, column: str, party: str) -> tuple[np.ndarray, np.ndarray]:
    """A column as float64 (0 where missing) and bool validity. Raises VALUE_INVALID for text, NaN and infinity."""
    try:
        array = table[column].combine_chunks().cast(pa.float64())
    except pa.ArrowException as error:
        raise YurtError(VALUE_INVALID, party=party, column=column) from error
    # By way of lists: pyarrow's own conversion to numpy imports pandas, more than all the rest of an agent's start.
    listed = array.to_pylist()
    valid = np.array([value is not None for value in listed], dtype=bool)
    values = np.array([0.0 if value is None else value for value in listed], dtype=np.float64)
    if not np.isfinite(values).all():
        raise YurtError(VALUE_INVALID, party=party, column=column)
    return values, valid


def read_rows(job: JobFile, me: str, path: Path) -> Rows:
    """Read and check the input of `me` for a join. Raises the codes of this module; looks at no other party."""
    mine, group = job.party(me), job.parameters.group_by
    key = mine.key or ""
    by = group.column if group and group.party == me else None
    columns = tuple(dict.fromkeys([key, *mine.values, *([by] if by else [])]))
    table = read_table(path, me, columns, frozenset(column for column in (key, by) if column))
    keep, keys, rejected, repeated = _keys(table[key].cast(pa.string()).to_pylist(), job, me)
    kept = np.asarray(keep, dtype=np.int64)
    n, scale = len(keys), 10**job.parameters.decimals
    values, valid = np.zeros((n, len(mine.values)), np.int64), np.zeros((n, len(mine.values)), np.int64)
    for j, column in enumerate(mine.values):
        x, there = (part[kept] for part in numbers(table, column, me))
        # The intersection is at most my own rows, so a local bound keeps every sum inside the ring.
        if n and float(np.abs(x).max()) * scale * n >= 2.0**SUM_BITS:
            raise YurtError(RANGE, party=me, column=column)
        values[:, j], valid[:, j] = np.rint(x * scale).astype(np.int64), there
    groups = None
    if group and by:
        place = {value: i for i, value in enumerate(group.domain)}
        text = table[by].cast(pa.string()).to_pylist()
        groups = np.array([place.get(text[i], -1) for i in keep], dtype=np.int64)
    return Rows(keys, rejected, repeated, values, valid, groups)


def _keys(raw: list[str | None], job: JobFile, me: str) -> tuple[list[int], list[str], int, int]:
    """Rows to keep and their keys, how many keys were rejected, how many repeated. Raises DUPLICATE_KEY."""
    keep: list[int] = []
    seen: dict[str, None] = {}
    rejected = repeated = 0
    for i, text in enumerate(raw):
        key = normalise_key(text or "")
        if not key or (job.parameters.key_format == "cn_id_card" and not id_card_holds(key)):
            rejected += 1
        elif key in seen:
            repeated += 1
        else:
            seen[key] = None
            keep.append(i)
    if repeated and job.party(me).duplicates == "refuse":
        raise YurtError(DUPLICATE_KEY, party=me, column=job.party(me).key, count=repeated)
    return keep, list(seen), rejected, repeated
