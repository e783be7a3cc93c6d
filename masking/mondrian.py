"""k-anonymous tables by Mondrian (LeFevre, DeWitt, Ramakrishnan 2006): split the records along one axis at a time, the
widest first, as long as every part keeps k records and, where asked, l values of the sensitive column.

Strict partitioning: equal values never fall into two parts along one cut. Numbers and days become ranges, codes of a
hierarchy their common ancestor, other words the set of what is in the part. What identifies people directly is
left out: a k-anonymous table with names in it is not anonymous.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from masking.classify import suggest_table
from masking.errors import MASK_NO_COLUMN, MASK_TOO_FEW
from masking.files import open_tables
from masking.hierarchies import Axis, Rows, axis
from masking.risk import Risk, measure
from store.errors import YurtError


@dataclass(frozen=True, slots=True)
class Utility:
    """What coarsening cost. `ncp`: normalised certainty penalty, mean over records and quasi-identifiers, 0 nothing
    lost to 1 all (Xu 2006); `discernibility`: sum of the squares of class sizes (Bayardo 2005); `mean_class`: records
    per class in units of k, 1 at best (LeFevre 2006)."""

    ncp: float
    discernibility: int
    mean_class: float


@dataclass(frozen=True, slots=True)
class Anonymised:
    """The table with its quasi-identifiers coarsened, what was left out, risk before and after, and the cost."""

    table: pa.Table
    dropped: tuple[str, ...]
    before: Risk
    after: Risk
    utility: Utility
    classes: int

    def summary(self) -> dict[str, object]:
        """Everything but the table."""
        return {
            "rows": self.table.num_rows,
            "classes": self.classes,
            "dropped": list(self.dropped),
            "before": asdict(self.before),
            "after": asdict(self.after),
            "utility": asdict(self.utility),
        }


def _allowed(part: Rows, k: int, sensitive: Rows | None, l_values: int) -> bool:
    if len(part) < k:
        return False
    if sensitive is None:
        return True
    seen = np.unique(sensitive[part])
    return int((seen >= 0).sum()) >= l_values


def partition(axes: Sequence[Axis], rows: int, k: int, sensitive: Rows | None = None, l_values: int = 1) -> list[Rows]:
    """Row numbers of each class. `sensitive` holds a code per row, -1 for a missing value."""
    done: list[Rows] = []
    open_parts: list[Rows] = [np.arange(rows, dtype=np.intp)]
    while open_parts:
        part = open_parts.pop()
        cut = None
        if len(part) >= 2 * k:
            for chosen in sorted(axes, key=lambda one: -one.penalty(part)):
                cut = next(
                    (made for made in chosen.cuts(part) if all(_allowed(p, k, sensitive, l_values) for p in made)), None
                )
                if cut is not None:
                    break
        if cut is None:
            done.append(part)
        else:
            open_parts += cut
    return done


def _codes(column: pa.ChunkedArray) -> Rows:
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.fill_null(-1)).astype(np.intp)


def anonymise(
    source: Path | str | pa.Table, quasi: Sequence[str], k: int, sensitive: str | None = None, l_values: int = 1
) -> Anonymised:
    """The first table of `source`, k-anonymous over `quasi` and with `l_values` sensitive values in every class.

    Every other column the suggestions call a direct identifier is left out. Raises MASK_BAD_FILE, MASK_NO_COLUMN,
    MASK_TOO_FEW (the table as a whole has too few records or sensitive values). Works in memory.
    """
    direct = {s.column for s in suggest_table(source) if s.role == "direct" and s.grade >= 3}
    with open_tables(source) as tables:
        table = next(iter(tables.relations.values())).to_arrow_table()
    for column in (*quasi, *([sensitive] if sensitive is not None else [])):
        if column not in table.column_names:
            raise YurtError(MASK_NO_COLUMN, column=column, known=", ".join(table.column_names))
    codes = _codes(table[sensitive]) if sensitive is not None else None
    everything = np.arange(table.num_rows, dtype=np.intp)
    if not _allowed(everything, k, codes, l_values):
        raise YurtError(MASK_TOO_FEW, k=k, l=l_values)
    axes = [axis(table[column]) for column in quasi]
    parts = partition(axes, table.num_rows, k, codes, l_values)
    made = table
    penalty = 0.0
    for name, one in zip(quasi, axes, strict=True):
        labels = np.empty(table.num_rows, dtype=object)
        for part in parts:
            labels[part] = one.label(part)
            penalty += one.penalty(part) * len(part)
        made = made.set_column(made.column_names.index(name), name, pa.array(labels, pa.string()))
    dropped = tuple(name for name in table.column_names if name in direct - set(quasi) and name != sensitive)
    made = made.drop_columns(list(dropped))
    after = measure(made, quasi, sensitive)
    if after.k < k:  # two parts may carry one label and only grow by it, so this cannot happen
        raise YurtError(MASK_TOO_FEW, k=k, l=l_values)
    sizes = [len(part) for part in parts]
    utility = Utility(
        round(penalty / (table.num_rows * len(quasi)), 6),
        sum(size * size for size in sizes),
        round(table.num_rows / len(parts) / k, 6),
    )
    return Anonymised(made, dropped, measure(table, quasi, sensitive), after, utility, len(parts))
