"""Disclosure checks on a table, whatever file it came from. Each check is one function in `CHECKS`.

The rules are those output checkers use: ACRO (`safe_threshold` 10), OpenSAFELY's gate and the SDAP handbook. They find
what careless outputs show; a determined author is stopped by the people who review, and by the author's never having
seen raw data.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from sandbox.airlock import codes
from sandbox.airlock.findings import Findings
from sandbox.airlock.identities import CHECKED, DIRECT, MANY_CELLS, NUMBER, Scanner, decoded, encoded_strings
from sandbox.airlock.limits import InspectionLimits

# Whole names, last words ("group_n") and words that count people; not "n_estimators" or "education_num".
COUNT_HEADER = re.compile(
    r"(?:^|[_\s(（.-])(?:n|counts?|cnt|freq|frequency|frequencies|n_?obs|support|size)[)）]?$"
    r"|^(?:count|number|no|num|n)_?(?:of_?)?(?:persons|people|patients|cases|households|records|subjects|individuals|rows)\b"
    r"|(?:^|[_\s(（.-])(?:persons|people|patients|cases|households|records|subjects|individuals)(?:$|[_\s)）])"
    r"|^count(?:_star)?\(.*\)$"
    r"|人数|人次|户数|例数|计数|频数|件数|样本量|样本数|个案数|数量",
    re.IGNORECASE,
)
IDENTIFIER_HEADER = re.compile(
    r"(?:^|[_\s])(?:(?:patient|person|user|member|citizen|customer|subject|student|employee|household|account)_?(?:id|no|number)"
    r"|id_?(?:card|number|no)|ssn|passport|phone|mobile|tel|e?mail|full_?name|surname|given_?name|address|pseudonym|pid|uid"
    r"|birth_?date|date_?of_?birth|dob)(?:$|[_\s])|姓名|身份证|证件号|手机|电话|住址|地址|邮箱|卡号|账号|病案号|住院号|车牌|出生日期",
    re.IGNORECASE,
)
QUASI_HEADER = re.compile(
    r"(?:^|[_\s])(?:sex|gender|age|birth|race|ethnic\w*|marital\w*|education|occupation|zip|zipcode|postcode|income|diagnos\w*"
    r"|icd\d*|admission|discharge)(?:$|[_\s])|性别|年龄|民族|婚姻|学历|职业|邮编|收入|诊断|户籍|籍贯",
    re.IGNORECASE,
)
_INTEGER = re.compile(r"[+-]?\d{1,18}(?:\.0+)?")
MAX_DIGITS = 17  # a float64 never needs more to be told apart (IEEE 754-2019, 5.12.2)


@dataclass(slots=True)
class Table:
    """Header and rows of text cells, as a reader of the file would see them. `where` prefixes positions."""

    header: list[str]
    rows: list[list[str]]
    where: str = ""
    first_row: int = 1
    _columns: list[list[str]] = field(default_factory=list)

    @property
    def columns(self) -> list[list[str]]:
        """The table by columns; short rows are padded with empty cells."""
        if not self._columns and self.header:
            width = len(self.header)
            padded = (row[:width] + [""] * (width - len(row)) for row in self.rows)
            self._columns = [list(column) for column in zip(*padded, strict=True)] or [[] for _ in self.header]
        return self._columns

    def at(self, column: int, row: int | None = None) -> str:
        """A position: "row 3, column 2", counted from 1 without the header."""
        place = f"column {column + 1}" if row is None else f"row {row + self.first_row}, column {column + 1}"
        return f"{self.where}{place}"


@dataclass(frozen=True, slots=True)
class Context:
    """What every check gets."""

    scanner: Scanner
    limits: InspectionLimits


Check = Callable[[Table, Context, Findings], None]


def check_table(table: Table, context: Context, findings: Findings) -> None:
    """Run every check, the shape first: a table that is too large is not read further."""
    if len(table.rows) > context.limits.rows:
        findings.add(codes.TOO_MANY_ROWS, f"{table.where}rows")
    if len(table.header) > context.limits.columns:
        findings.add(codes.TOO_MANY_COLUMNS, f"{table.where}columns")
        return
    too_long = [
        (column, row)
        for row, line in enumerate(table.rows)
        for column, cell in enumerate(line)
        if len(cell) > context.limits.cell_characters
    ]
    for column, row in too_long:
        findings.add(codes.CELL_TOO_LONG, table.at(column, row))
    if too_long:
        return  # scanning such cells would cost more than it tells
    for check in CHECKS:
        check(table, context, findings)


def header(table: Table, context: Context, findings: Findings) -> None:
    """Duplicate names, and names that promise identifiers or hold them."""
    for index, name in enumerate(table.header):
        if name and name in table.header[:index]:
            findings.add(codes.DUPLICATE_HEADER, table.at(index))
        if IDENTIFIER_HEADER.search(name):
            findings.add(codes.IDENTIFIER_HEADER, table.at(index))
        if context.scanner.is_direct(name):
            findings.add(codes.IDENTITY, f"{table.where}header, column {index + 1}")


def cells(table: Table, context: Context, findings: Findings) -> None:
    """Formulas (OWASP, CSV injection), digits no computation gives, encoded strings."""
    for index, column in enumerate(table.columns):
        if table.rows and not any(cell.strip() for cell in column):
            findings.add(codes.EMPTY_COLUMN, table.at(index))
        for row, cell in enumerate(column):
            if _is_formula(cell):
                findings.add(codes.FORMULA, table.at(index, row))
            number = NUMBER.fullmatch(cell.strip())
            if number and len(((number.group(1) or "") + (number.group(2) or "")).strip("0")) > MAX_DIGITS:
                findings.add(codes.NUMBER_TOO_PRECISE, table.at(index, row))
            if len(cell) >= 24 and not number:
                check_encoded(cell, table.at(index, row), context, findings)


def _is_formula(cell: str) -> bool:
    text = cell.lstrip(" \t\r\n")
    if text[:1] in ("=", "@"):
        return True
    return text[:1] in ("+", "-") and bool(re.search(r"[A-Za-z]+\d*\s*[(|!]", text))


def check_encoded(text: str, where: str, context: Context, findings: Findings) -> None:
    """Encoded runs in a text: block when one decodes to an identity, else a person looks."""
    for run in encoded_strings(text):
        plain = decoded(run)
        if plain is not None and context.scanner.types(plain) & DIRECT:
            findings.add(codes.IDENTITY_ENCODED, where)
        elif len(run) >= 40 or plain is not None:
            findings.add(codes.ENCODED_TEXT, where)


def identities(table: Table, context: Context, findings: Findings) -> None:
    """Identities cell by cell. One direct identifier blocks; names block when they fill a column."""
    for index, column in enumerate(table.columns):
        hits = context.scanner.column(column)
        filled = sum(1 for cell in column if cell.strip())
        soft = {hit.cell for hit in hits if hit.type not in DIRECT}
        # An eleven-digit sum can look like a mobile number; a column of them does not.
        mobiles = [hit.cell for hit in hits if hit.type == "CN_MOBILE"]
        lookalike = {cell for cell in mobiles if _INTEGER.fullmatch(column[cell].strip())}
        many_lookalikes = len(lookalike) * 2 >= filled or len(lookalike) >= MANY_CELLS * 3
        for hit in dict.fromkeys(hits):
            if hit.type in DIRECT and (hit.cell not in lookalike or hit.type in CHECKED or many_lookalikes):
                findings.add(codes.IDENTITY, table.at(index, hit.cell))
            elif hit.type in DIRECT:
                findings.add(codes.IDENTITY_POSSIBLE, table.at(index, hit.cell))
        if len(soft) >= MANY_CELLS and len(soft) * 2 >= filled:
            findings.add(codes.IDENTITY_MANY, table.at(index))
        else:
            for cell in sorted(soft):
                findings.add(codes.IDENTITY_POSSIBLE, table.at(index, cell))


def split_identities(table: Table, context: Context, findings: Findings) -> None:
    """Identity numbers cut over two or three neighbouring cells. Only checksummed 18-digit ones: chance stays out."""
    for row, line in enumerate(table.rows):
        digits = [cell.strip() if re.fullmatch(r"\d{1,17}[Xx]?", cell.strip()) else None for cell in line]
        for start in range(len(digits)):
            joined = ""
            for width, part in enumerate(digits[start : start + 3]):
                if part is None:
                    break
                joined += part
                if width and len(joined) == 18 and "CN_ID_CARD" in context.scanner.types(joined):
                    findings.add(codes.IDENTITY_SPLIT, table.at(start, row))


def small_cells(table: Table, context: Context, findings: Findings) -> None:
    """Counts below the minimum group: in count columns, in rows labelled as counts, and in cross-tabulations."""
    minimum = context.limits.min_group
    for index in count_columns(table):
        for row, cell in enumerate(table.columns[index]):
            if 0 < (_whole(cell) or 0) < minimum:
                findings.add(codes.SMALL_CELL, table.at(index, row))
    for row, line in enumerate(table.rows):
        if len(line) == 2 and COUNT_HEADER.search(line[0]) and 0 < (_whole(line[1]) or 0) < minimum:
            findings.add(codes.SMALL_CELL_POSSIBLE, table.at(1, row))
    for index, row in _crosstab_cells(table, minimum):
        findings.add(codes.SMALL_CELL_POSSIBLE, table.at(index, row))


def _crosstab_cells(table: Table, minimum: int) -> list[tuple[int, int]]:
    """Small whole numbers of a table whose first column labels the rows and whose others are all whole numbers."""
    if len(table.header) < 3 or len(table.rows) < 2 or count_columns(table):
        return []
    labels, *body = table.columns
    if all(_whole(label) is not None for label in labels):
        return []
    values = [[_whole(cell) if cell.strip() else 0 for cell in column] for column in body]
    if any(value is None or value < 0 for column in values for value in column):
        return []
    return [
        (index + 1, row)
        for index, column in enumerate(values)
        for row, value in enumerate(column)
        if value is not None and 0 < value < minimum
    ]


def row_level(table: Table, context: Context, findings: Findings) -> None:
    """One row per person: own keys, personal attributes side by side, or simply many rows without a count."""
    rows = len(table.rows)
    if rows < 20 or count_columns(table):
        return
    many = rows > context.limits.row_level_rows
    keys = [index for index, column in enumerate(table.columns) if _is_key(column)]
    for index in keys:
        findings.add(codes.KEY_COLUMN if many else codes.ROW_LEVEL_POSSIBLE, table.at(index))
    quasi = sum(1 for name in table.header if QUASI_HEADER.search(name))
    if many and (rows > 10 * context.limits.row_level_rows or quasi >= 2):
        findings.add(codes.ROW_LEVEL, f"{table.where}rows")
    elif many or quasi >= 3:
        findings.add(codes.ROW_LEVEL_POSSIBLE, f"{table.where}rows")


def _is_key(column: Sequence[str]) -> bool:
    """Nearly all values distinct, and neither measurements (decimals) nor a running number such as an epoch."""
    filled = [cell.strip() for cell in column if cell.strip()]
    if len(filled) < 20 or len(set(filled)) < 0.98 * len(filled):
        return False
    whole = [_whole(cell) for cell in filled]
    if any(NUMBER.fullmatch(cell) and value is None for cell, value in zip(filled, whole, strict=True)):
        return False
    numbers = [value for value in whole if value is not None]
    if len(numbers) == len(filled):
        steps = Counter(b - a for a, b in pairwise(numbers))
        return steps.most_common(1)[0][1] < 0.9 * (len(numbers) - 1)
    return not all(re.fullmatch(r"\d{4}[-/年]\d{1,2}(?:[-/月]\d{1,2}日?)?", cell) for cell in filled)


def count_columns(table: Table) -> list[int]:
    """Columns that count: named so and holding whole numbers or the marks of suppressed ones."""
    found = []
    for index, name in enumerate(table.header):
        filled = [cell.strip() for cell in table.columns[index] if cell.strip()]
        numbers = [cell for cell in filled if _whole(cell) is not None]
        if COUNT_HEADER.search(name) and numbers and all(_whole(c) is not None or _suppressed(c) for c in filled):
            found.append(index)
    return found


def _suppressed(cell: str) -> bool:
    return bool(re.fullmatch(r"[<≤＜]?\s*\d{0,3}|\*+|-+|\.+|NA|NaN|nan|null|suppressed|\[c\]", cell))


def _whole(cell: str) -> int | None:
    text = cell.strip().replace(",", "")
    return int(text.partition(".")[0]) if _INTEGER.fullmatch(text) else None


CHECKS: tuple[Check, ...] = (header, cells, identities, split_identities, small_cells, row_level)
