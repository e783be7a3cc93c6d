"""Tables and the types of their columns, as the check needs them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from policies.errors import SCHEMA_INVALID
from store.errors import YurtError

_KINDS = (
    ("bool", ("BOOL", "BOOLEAN")),
    ("int", ("TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "UTINYINT", "USMALLINT", "UINT", "UBIGINT")),
    ("num", ("DECIMAL", "FLOAT", "DOUBLE", "HUGEINT", "INT128", "UHUGEINT", "NUMERIC", "REAL", "BIGDECIMAL", "MONEY")),
    ("date", ("DATE", "DATE32")),
    ("time", ("TIMESTAMP", "DATETIME", "TIMESTAMPTZ", "TIMESTAMPNTZ", "TIMESTAMPLTZ", "TIMESTAMP_S", "TIMESTAMP_MS")),
    ("text", ("VARCHAR", "TEXT", "CHAR", "NVARCHAR", "NCHAR", "STRING", "BPCHAR", "NAME")),
)
_FLOATING = frozenset({"FLOAT", "DOUBLE", "REAL"})
_KIND_OF = {name: kind for kind, names in _KINDS for name in names}


def kind_of(type_: exp.DataType) -> str:
    """bool, int, num, date, time, text, or other (which no operator accepts)."""
    return _KIND_OF.get(type_.this.name if hasattr(type_.this, "name") else str(type_.this), "other")


@dataclass(frozen=True, slots=True)
class Table:
    """A table's columns in order (name as written -> kind), and which are never NULL or identify a row."""

    name: str
    columns: Mapping[str, str]
    required: frozenset[str] = frozenset()  # lower-case names of columns without NULL
    key: str | None = None  # lower-case name of a single-column primary or unique key
    floating: frozenset[str] = frozenset()  # lower-case names of columns whose numbers are rounded
    _written: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_written", {name.lower(): name for name in reversed(tuple(self.columns))})

    def written(self, column: str) -> str | None:
        """The name, as written, of a column by lower-case name; None where the table lacks it."""
        return self._written.get(column)

    def kind(self, column: str) -> str | None:
        """Kind of a column by lower-case name; None where the table lacks it."""
        name = self._written.get(column)
        return None if name is None else self.columns[name]


@dataclass(frozen=True, slots=True)
class Schema:
    """All tables by lower-case name."""

    tables: Mapping[str, Table]

    @classmethod
    def from_ddl(cls, text: str, dialect: str = "duckdb") -> "Schema":
        """From CREATE TABLE statements. Raises SCHEMA_INVALID."""
        try:
            statements = sqlglot.parse(text, dialect=dialect)
        except (SqlglotError, RecursionError):
            raise YurtError(SCHEMA_INVALID, problem="it does not parse.") from None
        tables: dict[str, Table] = {}
        for statement in statements:
            if statement is None:
                continue
            if not isinstance(statement, exp.Create) or not isinstance(statement.this, exp.Schema):
                raise YurtError(SCHEMA_INVALID, problem="it holds something that is not CREATE TABLE.")
            table = _table(statement.this)
            tables[table.name.lower()] = table
        return cls(MappingProxyType(tables))

    @classmethod
    def from_mapping(
        cls, tables: Mapping[str, Mapping[str, str]], dialect: str = "duckdb", keys: Mapping[str, str] | None = None
    ) -> "Schema":
        """From table -> column -> SQL type. `keys`: lower-case table -> lower-case column that identifies a row."""
        made: dict[str, Table] = {}
        for name, columns in tables.items():
            types = {column: _type_or_none(type_, dialect) for column, type_ in columns.items()}
            kinds = {column: "other" if type_ is None else kind_of(type_) for column, type_ in types.items()}
            floating = frozenset(column.lower() for column, type_ in types.items() if _rounded(type_))
            key = (keys or {}).get(name.lower())
            required = frozenset({key} if key else ())
            made[name.lower()] = Table(name, MappingProxyType(kinds), required, key, floating)
        return cls(MappingProxyType(made))


def _type_or_none(type_: str, dialect: str) -> exp.DataType | None:
    """None for an engine's own type: the column exists, no operator accepts it."""
    try:
        return exp.DataType.build(type_, dialect=dialect)
    except (SqlglotError, ValueError):
        return None


def _rounded(type_: exp.DataType | None) -> bool:
    return type_ is not None and getattr(type_.this, "name", "") in _FLOATING


def _table(node: exp.Schema) -> Table:
    columns: dict[str, str] = {}
    required: set[str] = set()
    floating: set[str] = set()
    key: str | None = None
    for column in node.expressions:
        if not isinstance(column, exp.ColumnDef) or column.args.get("kind") is None:
            continue
        columns[column.name] = kind_of(column.args["kind"])
        if _rounded(column.args["kind"]):
            floating.add(column.name.lower())
        for constraint in column.args.get("constraints") or []:
            kind = constraint.args.get("kind")
            if isinstance(kind, exp.PrimaryKeyColumnConstraint):
                required.add(column.name.lower())
                key = column.name.lower()
            elif isinstance(kind, exp.NotNullColumnConstraint) and not kind.args.get("allow_null"):
                required.add(column.name.lower())
    if not columns:
        raise YurtError(SCHEMA_INVALID, problem="a table has no typed columns.")
    return Table(node.this.name, MappingProxyType(columns), frozenset(required), key, frozenset(floating))
