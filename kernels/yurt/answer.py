"""What the gateway says: an answer, or a refusal."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from yurt.render import ROWS_SHOWN, refusal_html, refusal_text, table_html, table_text, withheld

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class Refused(Exception):
    """The platform said no, or the query failed. Never holds a data value."""

    def __init__(
        self,
        code: str,
        message: str,
        hint: str = "",
        span: tuple[int, int] | None = None,
        suggestion: str | None = None,
    ) -> None:
        super().__init__(f"{code}: {message} {hint}".strip())
        self.code, self.message, self.hint, self.span, self.suggestion = code, message, hint, span, suggestion

    def as_text(self) -> str:
        """In plain lines: code and sentence, then what to do, then a query that would pass."""
        return refusal_text(self.code, self.message, self.hint, self.suggestion)

    def as_html(self) -> str:
        """The same for a page."""
        return refusal_html(self.code, self.message, self.hint, self.suggestion)

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: in a cell, what to do is shown and not where in this module it was raised."""
        return self.as_text().splitlines()

    _repr_html_ = as_html


@dataclass(frozen=True, slots=True)
class Answer:
    """A governed answer. `report` is the gateway's: what was withheld, about the columns, how long it took."""

    table: pa.Table
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def suppressed(self) -> int | None:
        """Groups or cells withheld; None where even their number would tell."""
        found = self.report.get("suppressed", 0)
        return None if found is None else int(found)

    @property
    def notes(self) -> list[str]:
        """What else to know about the numbers, such as rounding or an error bar."""
        return [str(note) for note in self.report.get("notes") or ()]

    @property
    def error_bars(self) -> dict[str, float]:
        """Of each noisy column whose error is known: how far its values are off at most, 95 times in 100."""
        return {str(name): float(width) for name, width in (self.report.get("error_bars") or {}).items()}

    @property
    def sentences(self) -> list[str]:
        """What a person should read with the table: how much of it is shown, noise, what was withheld, notes."""
        rows = len(self)
        more = [f"{rows} rows, the first {ROWS_SHOWN} shown."] if rows > ROWS_SHOWN else []
        bars = ", ".join(f"{name} ± {width:.4g}" for name, width in self.error_bars.items())
        noisy = [f"Noise protects people here; 95 times in 100 a value is no further off than: {bars}."] if bars else []
        said = "" if self.notes and self.suppressed is None else withheld(self.suppressed)
        return [*more, *([said] if said else []), *noisy, *self.notes]

    def to_arrow(self) -> pa.Table:
        """As an Arrow table."""
        return self.table

    def to_pandas(self) -> "pd.DataFrame":
        """As a pandas data frame."""
        return self.table.to_pandas()

    def to_polars(self) -> "pl.DataFrame":
        """As a polars data frame."""
        import polars as pl

        return pl.DataFrame(self.table)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def as_text(self) -> str:
        """The first rows and the sentences, for consoles."""
        return table_text(self.table, self.sentences)

    def as_html(self) -> str:
        """The same for a page."""
        return table_html(self.table, self.sentences)

    __repr__ = as_text
    _repr_html_ = as_html
