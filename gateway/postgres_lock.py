"""PostgreSQL's own lock: a role that can only read, per project the columns and rows of its policy; and its check.

`prepared` and `project` are pure: they give the statements that an owner of the database runs (`yurt policy prepare`
prints them). Row-level security is the second line: it filters again what the rewritten query has filtered already, so
that a miss of the first line still meets a closed door.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql
from sqlglot import exp

from policies.dialects import POSTGRES, said
from policies.load import attribute_of
from policies.model import DatasetPolicy, Policy
from policies.schema import Schema, Table

GATEWAY = "yurt_gateway"
"""The role the gateway signs in as."""
HARMFUL = (
    r"pg\_sleep%", r"pg\_read\_%", r"pg\_ls\_%", r"pg\_stat\_file", r"pg\_current\_logfile%",
    r"lo\_%", "loread", "lowrite", r"dblink%", r"postgres\_fdw%", r"pg\_logical%", r"pg\_create\_%",
    r"pg\_replication%", r"%advisory%lock%", r"pg\_notify", r"pg\_terminate%", r"pg\_cancel%", r"pg\_reload%",
    r"pg\_rotate%", r"pg\_switch%", r"pg\_backup%", r"pg\_export%", r"set\_config",
    r"query\_to\_xml%", r"table\_to\_xml%", r"cursor\_to\_xml%", r"schema\_to\_xml%", r"database\_to\_xml%",
    r"ts\_stat", r"ts\_rewrite", r"pg\_show\_all%", r"pg\_hba%", r"pg\_stat\_get\_activity", r"pg\_get\_wal%",
    "crosstab%", "connectby%", "xpath_table", "xslt%", "http%", r"pg\_file\_%", r"pg\_prewarm",
)  # fmt: skip
"""Patterns (LIKE) of functions that wait, lock, write, reach outside the database, or run SQL given as text. What runs
with the rights of its owner (SECURITY DEFINER) counts as harmful whatever its name."""
SESSION = {
    "timezone": "UTC", "datestyle": "ISO", "intervalstyle": "iso_8601", "lc_time": "C", "extra_float_digits": "1",
    "standard_conforming_strings": "on", "transform_null_equals": "off", "row_security": "on",
    "default_transaction_read_only": "on",
}  # fmt: skip
"""Settings of every session that the meaning of our SQL rests on; a backslash in a text is a backslash."""
# A constant text: the names come from the catalogue, quoted by regprocedure itself.
_REVOKE = """DO $$
DECLARE harmful regprocedure;
BEGIN
  FOR harmful IN
    SELECT oid FROM pg_catalog.pg_proc WHERE prokind = 'f' AND (prosecdef OR proname LIKE ANY ({patterns}))
  LOOP
    EXECUTE pg_catalog.format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', harmful);
  END LOOP;
END $$"""
_ROLE = """DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {name}) THEN CREATE ROLE {role}; END IF;
END $$"""
_CASTS = {"int": "bigint", "num": "numeric", "date": "date", "time": "timestamp", "bool": "boolean"}
_SETTING = "current_setting"
# What a locked session may not have: rights of whoever it is or can become, and rights over things.
_HOLDS = """
SELECT NOT EXISTS (
  SELECT FROM pg_catalog.pg_roles r
  WHERE pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
    AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls
         OR r.rolname LIKE 'pg\\_%%'
         OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relowner = r.oid)
         OR EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.proowner = r.oid)
         OR pg_catalog.has_database_privilege(r.oid, pg_catalog.current_database(), 'CREATE, TEMPORARY')
         OR EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE'))
         OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'f')
                    AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
                    AND pg_catalog.has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
         OR EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.prokind = 'f'
                    AND (p.prosecdef OR p.proname LIKE ANY (%(harmful)s))
                    AND pg_catalog.has_function_privilege(r.oid, p.oid, 'EXECUTE')))
) AND EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = %(schema)s
              AND pg_catalog.has_schema_privilege(session_user, n.oid, 'USAGE'))
AND pg_catalog.current_setting('default_transaction_read_only')::boolean
AND pg_catalog.current_setting('row_security')::boolean
AND pg_catalog.current_setting('standard_conforming_strings')::boolean
AND pg_catalog.current_setting('server_encoding') = 'UTF8'
AND pg_catalog.current_setting('server_version_num')::integer >= 150000
AND EXISTS (SELECT FROM pg_catalog.pg_collation WHERE collname = 'und-x-icu')
"""


def holds(connection: "psycopg.Connection[Any]", schema: str) -> bool:
    """Can this session only read, whatever role it takes on."""
    found = connection.execute(_HOLDS, {"harmful": list(HARMFUL), "schema": schema}).fetchone()
    return bool(found and found[0])


def prepared(database: str, schema: str = "public") -> list[sql.Composed]:
    """Make the gateway's role and take from everybody what it must not have. Running them again changes nothing.

    Its password is not among them: set it with psql's `\\password`, which sends a verifier only.
    """
    role, names = sql.Identifier(GATEWAY), {"database": sql.Identifier(database), "schema": sql.Identifier(schema)}
    options = {
        "default_transaction_read_only": "on", "statement_timeout": "60s", "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "120s", "search_path": schema, "temp_file_limit": "4GB",
    }  # fmt: skip
    return [
        _role(GATEWAY),
        sql.SQL("ALTER ROLE {} LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS").format(
            role
        ),
        *(
            sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}").format(
                role, names["database"], sql.Identifier(name), sql.Literal(value)
            )
            for name, value in options.items()
        ),
        sql.SQL("REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM PUBLIC").format(**names),
        sql.SQL("GRANT CONNECT ON DATABASE {database} TO {role}").format(role=role, **names),
        sql.SQL("REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC").format(**names),
        sql.SQL("GRANT USAGE ON SCHEMA {schema} TO {role}").format(role=role, **names),
        sql.SQL(_REVOKE).format(patterns=sql.Literal(list(HARMFUL))),
    ]


def project(policy: Policy, tables: Schema, schema: str = "public") -> list[sql.Composed]:
    """What a project's role may see: the columns its policy uses, and of the rows those its row filters let through."""
    role = sql.Identifier(role_of(policy))
    made = [
        _role(role_of(policy)),
        sql.SQL("GRANT {} TO {}").format(role, sql.Identifier(GATEWAY)),
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), role),
        sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM {}").format(sql.Identifier(schema), role),
    ]
    for name, dataset in policy.datasets.items():
        table = tables.tables.get(name)
        if table is None:
            continue
        place = sql.Identifier(schema, table.name)
        columns = sql.SQL(", ").join(sql.Identifier(each) for each in _needed(dataset, table))
        condition = sql.SQL(said(row_condition(dataset, table), POSTGRES, frozenset({_SETTING})))
        title = sql.Identifier(role_of(policy))
        made += [
            sql.SQL("GRANT SELECT ({}) ON {} TO {}").format(columns, place, role),
            sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(place),
            sql.SQL("DROP POLICY IF EXISTS {} ON {}").format(title, place),
            sql.SQL("CREATE POLICY {} ON {} FOR SELECT TO {} USING ({})").format(title, place, role, condition),
        ]
    return made


def role_of(policy: Policy) -> str:
    """The role of a project: one per name, of letters that need no quoting anywhere, below PostgreSQL's 63 bytes."""
    if re.fullmatch("[A-Za-z0-9_]{1,40}", policy.project):
        return f"yurt_project_{policy.project}"
    return "yurt_named_" + hashlib.sha256(policy.project.encode()).hexdigest()[:32]


def row_condition(dataset: DatasetPolicy, table: Table) -> exp.Expr:
    """A row filter in which a user attribute is a setting of the transaction; without it nothing is true."""
    if dataset.rows is None:
        return exp.true()

    def bound(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Placeholder):
            setting = exp.Anonymous(
                this=_SETTING, expressions=[exp.Literal.string(f"yurt.{attribute_of(node)}"), exp.true()]
            )
            given = exp.Nullif(this=setting, expression=exp.Literal.string(""))
            kind = next((table.kind(each.name.lower()) for each in _compared(node)), None)
            return exp.cast(given, _CASTS[kind]) if kind in _CASTS else given
        if isinstance(node, exp.Column):
            real = next((each for each in table.columns if each.lower() == node.name.lower()), node.name)
            return exp.column(exp.to_identifier(real, quoted=True))
        return node

    return dataset.rows.copy().transform(bound)


def _compared(node: exp.Expr) -> Iterator[exp.Column]:
    """The columns an attribute is compared with."""
    if node.parent is not None:
        yield from node.parent.find_all(exp.Column)


def _needed(dataset: DatasetPolicy, table: Table) -> list[str]:
    wanted = {key for key, column in dataset.columns.items() if column.usable}
    wanted |= {dataset.unit.lower()} if dataset.unit else set()
    wanted |= {each.name.lower() for each in dataset.rows.find_all(exp.Column)} if dataset.rows is not None else set()
    for column in dataset.columns.values():  # an operator may read a second column: the subject of a date shift
        wanted |= {str(each).lower() for each in column.mask.arguments.values()} if column.mask is not None else set()
    return [each for each in table.columns if each.lower() in wanted]


def _role(name: str) -> sql.Composed:
    return sql.SQL(_ROLE).format(name=sql.Literal(name), role=sql.Identifier(name))
