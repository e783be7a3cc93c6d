"""Dialects: what is said means the same when it is heard again, and what has no safe form is refused."""

import pytest
import sqlglot
from corpus import queries
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from policies.decide import decide
from policies.decision import Allowed, Refused
from policies.dialects import DIALECTS, heard, parsed, said
from policies.model import Policy
from policies.refusal import Refusal
from policies.schema import Schema

OTHERS = ("postgres", "spark")
OUTSIDE = {
    "postgres": (
        "pg_sleep(1)", "pg_read_file('x')", "current_setting('x')", "dblink('x', 'y')", "lo_import('x')", "version()",
        "pg_ls_dir('/')", "pg_stat_file('x')", "pg_read_binary_file('x')", "lo_export(1, 'x')", "lo_get(1)",
        "table_to_xml('citizen', true, true, '')", "database_to_xml(true, true, '')", "ts_stat('SELECT 1')",
        "pg_sleep_for('1 second')", "pg_advisory_lock(1)", "txid_current()", "pg_catalog.pg_sleep(1)",
        "dblink_exec('x', 'y')", "pg_terminate_backend(1)", "random()", "gen_random_uuid()", "xpath('a', 'b')",
        "to_regclass('citizen')", "has_table_privilege('citizen', 'SELECT')", "inet_server_addr()", "repeat(county, 9)",
        "query_to_xml('x', true, true, '')", "set_config('a', 'b', true)", "pg_notify('a', 'b')", "row_to_json(c)",
    ),
    "spark": (
        "reflect('a', 'b')", "java_method('a', 'b')", "try_reflect('a', 'b')", "input_file_name()", "raise_error('x')",
        "assert_true(false)", "spark_partition_id()", "version()", "from_csv(county, 'a')", "http_request('a')",
        "input_file_block_start()", "current_catalog()", "schema_of_json('1')", "try_java_method('a', 'b')",
        "from_json(county, 'a INT', map('mode', 'FAILFAST'))", "from_avro(county, 'a')", "parse_url(county, 'HOST')",
        "sequence(1, 1000000000)", "repeat(county, 99)", "session_user()", "aes_encrypt(county, 'k')",
        "collation(county)", "bitmap_count(county)", "ai_query('m', county)", "read_files('/etc')",
        "transform(county, x -> x)", "current_user()", "uuid()", "rand()", "xpath(county, 'a')",
    ),
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_text_stays_that_text(dialect: str, text: str) -> None:
    found = parsed(said(exp.Literal.string(text), dialect), dialect)
    assert isinstance(found, exp.Literal)
    assert found.name == text


@pytest.mark.parametrize("dialect", DIALECTS)
@given(name=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_name_stays_that_name(dialect: str, name: str) -> None:
    found = parsed(said(exp.column(exp.to_identifier(name, quoted=True)), dialect), dialect)
    assert isinstance(found, exp.Column)
    assert found.name == name


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize("line", queries("allowed"), ids=lambda line: line["id"])
def test_what_was_said_is_said_again_when_heard(
    line: dict[str, str], dialect: str, policy: Policy, schema: Schema
) -> None:
    """The history keeps texts: what is heard from them must not mean more or less."""
    asked = sqlglot.transpile(line["sql"], read="duckdb", write=dialect)[0]
    decision = decide(asked, policy, schema, dialect=dialect)
    if isinstance(decision, Refused):
        assert decision.code in ("NOT_IN_ENGINE", "DOMINANCE_UNSUPPORTED", "FUNCTION_NOT_ALLOWED", "COLUMN_UNKNOWN")
        return
    for text in (decision.sql, *(part for each in decision.footprint for part in (*each.sources, *each.conditions))):
        assert said(parsed(text, dialect), dialect) == text


@pytest.mark.parametrize(("dialect", "call"), [(dialect, call) for dialect in OTHERS for call in OUTSIDE[dialect]])
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT {} AS x FROM enterprise", "SELECT count(*) FROM citizen WHERE {} IS NULL",
        "SELECT count(*) FROM citizen GROUP BY {}", "SELECT count({}) FROM citizen",
        "SELECT count(*) FROM citizen HAVING {} IS NULL",
    ],
)  # fmt: skip
def test_functions_that_reach_out_are_refused(
    dialect: str, call: str, sql: str, policy: Policy, schema: Schema
) -> None:
    assert isinstance(decide(sql.format(call), policy, schema, dialect=dialect, suggest=False), Refused)
    with pytest.raises(Refusal) as caught:
        said(heard(sqlglot.parse_one(sql.format(call), dialect=dialect), dialect), dialect)
    assert caught.value.refused.code == "NOT_IN_ENGINE"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT TRANSFORM(county) USING 'cat' FROM citizen",
        "SELECT * FROM text.`/etc/passwd`",
        "SELECT * FROM csv.`file:///etc/passwd`",
        "SELECT * FROM read_files('/etc')",
        "SELECT * FROM range(9)",
        "SELECT * FROM IDENTIFIER('secret_case')",
        "CREATE TEMPORARY VIEW x USING csv OPTIONS (path '/etc/passwd')",
        "FROM citizen INSERT INTO x SELECT county",
        "CACHE TABLE x AS SELECT * FROM citizen",
        "SELECT count(*) FROM citizen WHERE county = ${spark.app.name}",
        "DECLARE VARIABLE x INT",
        "FROM citizen MAP county USING 'cat' AS x",
        "SELECT * FROM parquet.`/etc`",
        "SELECT /*+ BROADCAST(citizen) */ count(*) FROM citizen",
        "SELECT count(*) FROM citizen LATERAL VIEW explode(array(1)) x",
        "SELECT count(*) FROM citizen TABLESAMPLE (1 ROWS)",
        "SET spark.sql.ansi.enabled = true",
    ],
)
def test_spark_runs_no_program_and_reads_no_file(sql: str, policy: Policy, schema: Schema) -> None:
    assert isinstance(decide(sql, policy, schema, dialect="spark", suggest=False), Refused)


@pytest.mark.parametrize(
    "sql",
    [
        "SET search_path = stolen",
        "SELECT count(*) FROM pg_catalog.pg_authid",
        "SELECT count(*) FROM public.citizen, pg_stat_activity",
        "SELECT count(*) FROM information_schema.tables",
        "SELECT county OPERATOR(pg_catalog.||) name FROM citizen",
        "SELECT county::regclass FROM citizen",
        "SELECT count(*) FROM citizen WHERE county::xml IS NOT NULL",
        "SELECT count(*) FROM citizen TABLESAMPLE SYSTEM (1)",
        "SELECT count(*) FROM ONLY citizen FOR SHARE",
        "COPY (SELECT * FROM citizen) TO PROGRAM 'cat'",
        "WITH x AS (DELETE FROM citizen RETURNING *) SELECT count(*) FROM x",
        "SELECT * FROM pg_read_file('/etc/passwd')",
        "SELECT count(*) FROM citizen, LATERAL pg_sleep(1)",
        "SELECT count(*) FROM citizen, generate_series(1, 1000000000)",
        "EXECUTE stolen",
        "SELECT U&'\\0061' FROM enterprise",
        "SELECT ctid, xmin FROM enterprise",
        "SELECT count(*) FROM citizen WHERE ctid = '(0,1)'",
        "SELECT enterprise FROM enterprise",
        "SELECT row_to_json(enterprise) FROM enterprise",
        "SELECT (enterprise).legal_rep_id FROM enterprise",
        "SELECT tableoid::regclass FROM enterprise",
    ],
)
def test_postgres_shows_no_catalogue_and_runs_nothing(sql: str, policy: Policy, schema: Schema) -> None:
    assert isinstance(decide(sql, policy, schema, dialect="postgres", suggest=False), Refused)


@pytest.mark.parametrize("dialect", OTHERS)
@pytest.mark.parametrize(
    "condition",
    [
        r"county LIKE 'a\\_b'",
        "county LIKE diagnosis",
        "left(county, -1) = 'a'",
        "substring(county, 1, length(county) - 9) = 'a'",
        "right(county, length(gender)) = 'a'",
    ],
)
def test_what_fails_on_a_row_is_refused(dialect: str, condition: str, policy: Policy, schema: Schema) -> None:
    found = decide(f"SELECT count(*) FROM citizen WHERE {condition}", policy, schema, dialect=dialect, suggest=False)
    assert isinstance(found, Refused)
    assert found.code == "FUNCTION_PARTIAL" or (found.code == "NOT_IN_ENGINE" and dialect in found.message)


def test_postgres_divides_by_nothing_and_overflows_nowhere(policy: Policy, schema: Schema) -> None:
    sql = "SELECT count(*) AS n FROM enterprise WHERE employees * 2 / employees > 1 AND founded < DATE '2020-01-01'"
    found = decide(sql, policy, schema, dialect="postgres")
    assert isinstance(found, Allowed), found
    assert 'DIV(CAST("t1"."employees" AS DECIMAL) * 2, NULLIF(CAST("t1"."employees" AS DECIMAL), 0))' in found.sql


@pytest.mark.parametrize("factor", ["1e-300", "1e300", "0.00000000000000001"])
def test_constants_that_carry_a_number_out_of_its_type_are_refused(factor: str, policy: Policy, schema: Schema) -> None:
    sql = f"SELECT sum(income / {factor}) FROM citizen"
    found = decide(sql, policy, schema, dialect="postgres", suggest=False)
    assert isinstance(found, Refused)
    assert found.code == "FUNCTION_PARTIAL"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_interval_beyond_the_calendar_is_refused(dialect: str, policy: Policy, schema: Schema) -> None:
    for interval in ("INTERVAL '400000' YEAR", "INTERVAL '2000000' DAY", "INTERVAL '-400000' YEAR"):
        sql = f"SELECT count(*) FROM visit WHERE visit_date + {interval} > DATE '2020-01-01'"
        assert isinstance(decide(sql, policy, schema, dialect=dialect, suggest=False), Refused)
    sql = "SELECT count(*) FROM visit WHERE visit_date + INTERVAL '30' DAY > DATE '2023-06-01'"
    assert isinstance(decide(sql, policy, schema, dialect=dialect), Allowed)


CALLS_OF_OURS = ("yurt_pseudonym(name, 'P001.default')", "yurt_masked(name, 'keep', '{}')", "YURT_REDACT_TEXT(name)")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("call", CALLS_OF_OURS)
def test_nobody_asks_for_a_mask_by_its_function(dialect: str, call: str, policy: Policy, schema: Schema) -> None:
    for sql in ("SELECT {} FROM enterprise", "SELECT count(*) FROM enterprise WHERE {} = 'x'"):
        assert isinstance(decide(sql.format(call), policy, schema, dialect=dialect, suggest=False), Refused)


@pytest.mark.parametrize("dialect", OTHERS)
def test_a_mask_with_a_key_is_asked_for_by_its_label(dialect: str, policy: Policy, schema: Schema) -> None:
    found = decide("SELECT uscc, legal_rep_id FROM enterprise", policy, schema, dialect=dialect)
    assert isinstance(found, Allowed), found
    assert "'P001.default')" in found.sql
    assert said(parsed(found.sql, dialect), dialect) == found.sql
