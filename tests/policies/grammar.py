"""A grammar of analytic SQL over the tables of the corpus, honest and hostile.

Every choice is made by a `random.Random`, so that Hypothesis (`st.randoms`) and the fuzzer draw from the same grammar.
A `Query` is kept in parts: one part changed is the question an attacker asks next.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

COUNTIES = ("临江县", "东海县", "西山县", "孤岛县")
DIAGNOSES = ("HIV", "diabetes", "flu", "none")
HOSPITALS = ("H1", "H2", "H3")
YEARS = (1950, 1960, 1970, 1980)
DAYS = ("2023-02-01", "2023-03-01", "2024-02-02")
COLUMNS = ("id_no", "name", "phone", "gender", "county", "birth_date", "income", "diagnosis")
ALLOWED_KEYS = ("{c}.county", "{c}.gender", "{c}.diagnosis", "year({c}.birth_date)", "year({c}.birth_date) // 10 * 10")
VISIT_KEYS = ("{v}.hospital", "{v}.dept", "{v}.icd10", "{v}.insured", "date_trunc('month', {v}.visit_date)")


@dataclass(frozen=True)
class Aggregate:
    """One aggregate of the select list. `kind`: how it depends on its rows, `weight` (a sum of whole numbers and
    incomes, each counted so and so often), `year` (a sum of years) or `` (anything else)."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Query:
    """A grouped query in parts. Its columns are the keys, then the aggregates."""

    source: str  # what follows FROM
    people: str  # alias of the citizen table; empty where there is none
    visits: str  # alias of the visit table; empty where there is none
    extra: str = ""  # a column of a list of constants, as it is called
    keys: tuple[str, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    where: tuple[str, ...] = ()
    wrapped: bool = False  # rows come from a subquery
    tail: str = ""  # HAVING, ORDER BY, LIMIT
    person: str = ""  # alias of a subquery with one row per person; empty where there is none

    @property
    def sql(self) -> str:
        """As text."""
        outputs = [*self.keys, *(each.text for each in self.aggregates)]
        where = f" WHERE {' AND '.join(f'({each})' for each in self.where)}" if self.where else ""
        group = f" GROUP BY {', '.join(str(place + 1) for place in range(len(self.keys)))}" if self.keys else ""
        if not self.wrapped:
            return f"SELECT {', '.join(outputs)} FROM {self.source}{where}{group}{self.tail}"
        inner: list[str] = []
        outer: list[str] = []
        for place, key in enumerate(self.keys):
            inner.append(f"{key} AS k{place}")
            outer.append(f"k{place}")
        for alias, columns in ((self.people, COLUMNS), (self.visits, ("id_no", "cost", "visit_date", "hospital"))):
            inner += [f"{alias}.{column} AS {alias}_{column}" for column in columns if alias and column not in HIDDEN]
        text = ", ".join(each.text for each in self.aggregates)
        for alias in (self.people, self.visits):
            text = text.replace(f"{alias}.", f"{alias}_") if alias else text
        outer.append(text)
        rows = f"SELECT {', '.join(inner)} FROM {self.source}{where}"
        return f"WITH r AS ({rows}) SELECT {', '.join(outer)} FROM r{group}{self.tail}"


HIDDEN = ("name", "phone")
NUMBERED = ", ".join(f"('{county}', {place})" for place, county in enumerate(COUNTIES))
STATISTIC = "(SELECT county, count(*) AS n FROM citizen GROUP BY county)"


def source(random: Random, hostile: float) -> Query:
    """FROM, with nothing selected yet."""
    day = random.choice(DAYS)
    shapes = [
        Query("citizen c", "c", ""),
        Query("citizen c", "c", ""),
        Query("visit v", "", "v"),
        Query("citizen c JOIN visit v ON c.id_no = v.id_no", "c", "v"),
        Query("visit v JOIN citizen c ON v.id_no = c.id_no", "c", "v"),
        Query("citizen c JOIN visit v USING (id_no)", "c", "v"),
        Query(f"citizen c LEFT JOIN visit v ON c.id_no = v.id_no AND v.visit_date = DATE '{day}'", "c", ""),
        Query("citizen c LEFT JOIN visit v ON c.id_no = v.id_no", "c", "v"),
        Query(
            f"citizen c SEMI JOIN visit v ON c.id_no = v.id_no AND v.hospital = '{random.choice(HOSPITALS)}'", "c", ""
        ),
        Query("(SELECT * FROM citizen) AS c", "c", ""),
    ]
    shapes += [by_person(random), by_person(random)]
    gone = f"v.visit_date = DATE '{day}'"
    shapes += [
        Query("citizen c LEFT JOIN visit v ON c.id_no = v.id_no", "c", "", where=("v.id_no IS NULL",)),
        Query(f"citizen c LEFT JOIN visit v ON c.id_no = v.id_no AND {gone}", "c", "", where=("v.id_no IS NULL",)),
    ]
    lists = [
        Query("citizen c, range(2) t(i)", "c", "", "t.i"),
        Query("citizen c CROSS JOIN (VALUES (0), (1)) t(i)", "c", "", "t.i"),
        Query(f"citizen c JOIN (VALUES ('{random.choice(COUNTIES)}')) t(x) ON c.county <> t.x", "c", ""),
        Query(f"citizen c JOIN (VALUES {NUMBERED}) t(x, i) ON c.county = t.x", "c", "", "t.i"),
        Query(f"citizen c JOIN {STATISTIC} s ON s.county = c.county", "c", ""),
        Query("citizen c JOIN (SELECT DISTINCT diagnosis AS d FROM citizen) s ON s.d = c.diagnosis", "c", ""),
    ]  # fmt: skip
    return random.choice(lists if random.random() < hostile else shapes)


def by_person(random: Random) -> Query:
    """Statistics of each person, in a subquery grouped by the privacy unit."""
    visits = Query("visit w", "", "w")
    chosen, other, counted = (condition(random, visits, 1) for _ in range(3))
    where = random.choice(("", "", f" WHERE {chosen}"))
    having = random.choice(("", "", "", " HAVING count(*) > 1", " HAVING count(*) <> 2"))
    columns = (
        f"count(*) AS n, sum(w.cost) AS total, max(w.cost) AS most, sum(w.cost) FILTER (WHERE {other}) AS part, "
        f"count(*) FILTER (WHERE {counted}) AS k, sum(CASE WHEN {other} THEN 1 ELSE 0 END) AS few"
    )
    alone = f"(SELECT w.id_no, {columns} FROM visit w{where} GROUP BY w.id_no{having}) p"
    people = "d.county, d.gender"
    return random.choice(
        (
            Query(alone, "", "", person="p"),
            Query(f"citizen c JOIN {alone} ON p.id_no = c.id_no", "c", "", person="p"),
            Query(
                f"(SELECT d.id_no, {people}, min(d.income) AS income, {columns} FROM citizen d JOIN visit w"
                f" ON w.id_no = d.id_no{where} GROUP BY d.id_no, {people}{having}) p", "", "", person="p",
            ),
            Query(
                f"(SELECT d.id_no, {people}, count(w.visit_id) AS n, 0 AS few, count(w.visit_id) AS k, min(d.income) AS"
                f" most, min(d.income) AS total, sum(w.cost) AS part FROM citizen d LEFT JOIN visit w"
                f" ON w.id_no = d.id_no GROUP BY d.id_no, {people}) p", "", "", person="p",
            ),
            Query(
                f"(SELECT w.id_no, w.hospital, {columns} FROM visit w{where} GROUP BY w.id_no, w.hospital) p", "", "p",
                person="p",
            ),
        )
    )  # fmt: skip


def condition(random: Random, query: Query, depth: int = 0) -> str:
    """A condition over the rows of `query`; subqueries only at `depth` 0."""
    if depth < 2 and random.random() < 0.35:
        left, right = condition(random, query, depth + 1), condition(random, query, depth + 1)
        return random.choice(
            (f"({left}) OR ({right})", f"({left}) AND ({right})", f"NOT ({left})", f"({left}) <> ({right})",
             f"CASE WHEN {left} THEN {right} ELSE true END", f"coalesce({left}, false)")
        )  # fmt: skip
    found: list[str] = []
    day = random.choice(DAYS)
    if query.people:
        c = query.people
        county, diagnosis, year = random.choice(COUNTIES), random.choice(DIAGNOSES), random.choice(YEARS)
        found += [
            f"{c}.county = '{county}'", f"{c}.county <> '{county}'", f"{c}.county IN ('{county}', '临江县')",
            f"{c}.county NOT LIKE '{county[0]}%'", f"{c}.gender = 'F'", f"{c}.diagnosis = '{diagnosis}'",
            f"{c}.diagnosis <> '{diagnosis}'", f"year({c}.birth_date) >= {year}", f"year({c}.birth_date) <> {year}",
            f"{c}.birth_date < DATE '{year}-01-01'", f"nullif({c}.county, '{county}') IS NOT NULL",
            f"length({c}.diagnosis) > 3", f"{c}.county || {c}.gender <> '{county}F'",
        ]  # fmt: skip
    if query.people and depth == 0:
        found += [
            f"EXISTS (SELECT 1 FROM visit w WHERE w.id_no = {c}.id_no AND w.hospital = '{random.choice(HOSPITALS)}')",
            f"{c}.id_no IN (SELECT id_no FROM visit WHERE visit_date <> DATE '{day}')",
            f"NOT EXISTS (SELECT 1 FROM visit w WHERE w.id_no = {c}.id_no AND w.visit_date = DATE '{day}')",
            f"{c}.county IN (SELECT county FROM citizen GROUP BY county)",
            f"{c}.county IN (SELECT county FROM citizen GROUP BY county HAVING count(*) > {random.choice((5, 9))})",
        ]  # fmt: skip
    if query.person:
        p, number = query.person, random.choice((1, 2, 3))
        found += [f"{p}.n >= {number}", f"{p}.n = {number}", f"{p}.k > 0", f"{p}.n <> {number}", f"{p}.few < {number}"]
    if query.visits and not query.person:
        v = query.visits
        found += [
            f"{v}.hospital = '{random.choice(HOSPITALS)}'", f"{v}.visit_date <> DATE '{random.choice(DAYS)}'",
            f"{v}.visit_date >= DATE '{random.choice(DAYS)}'", f"{v}.insured", f"{v}.dept <> '内科'",
        ]  # fmt: skip
        if depth == 0:
            found.append(f"{v}.id_no IN (SELECT id_no FROM citizen WHERE county <> '{random.choice(COUNTIES)}')")
    if query.extra and query.people:
        found += [
            f"{query.extra} = 0 OR {query.people}.county <> '{random.choice(COUNTIES)}'",
            f"{query.extra} < 1",
        ] * 4
    return random.choice(found)


def key(random: Random, query: Query) -> str:
    """A group key."""
    found = [each.format(c=query.people) for each in ALLOWED_KEYS if query.people]
    found += [each.format(v=query.visits) for each in VISIT_KEYS if query.visits and not query.person]
    if query.person:
        p = query.person
        found += [f"{p}.n", f"{p}.k", f"CASE WHEN {p}.n > 2 THEN 'many' ELSE 'few' END", f"least({p}.n, 3)"]
    found += [query.extra] * 3 if query.extra else []
    if query.people and not query.person:
        c, day, hospital = query.people, random.choice(DAYS), random.choice(HOSPITALS)
        found += [
            f"EXISTS (SELECT 1 FROM visit w WHERE w.id_no = {c}.id_no AND w.hospital = '{hospital}')",
            f"{c}.id_no IN (SELECT id_no FROM visit WHERE visit_date <> DATE '{day}')",
        ]
    if query.people and random.random() < 0.05:
        found = [f"{query.people}.{random.choice(COLUMNS)}"]
    return random.choice(found)


def aggregate(random: Random, query: Query) -> Aggregate:
    """An aggregate over the rows of `query`."""
    one, other = condition(random, query, 1), condition(random, query, 1)
    found = [Aggregate("count(*)", "weight")] * 3
    weights = [
        f"count(*) FILTER (WHERE {one})", f"sum(CASE WHEN {one} THEN 1 ELSE 0 END)", f"count_if({one})",
        f"sum(CASE WHEN {one} THEN 1 ELSE 2 END)", f"sum(({one})::INT)",
        f"sum((({one})::INT + 1) * (({other})::INT + 1))",
    ]  # fmt: skip
    found += [Aggregate(each, "weight") for each in weights]
    if query.people:
        c = query.people
        year = random.choice(YEARS)
        found += [
            Aggregate(f"sum({c}.income)", "weight"), Aggregate(f"sum({c}.income)", "weight"),
            Aggregate(f"sum({c}.income) FILTER (WHERE {one})", "weight"),
            Aggregate(f"sum(CASE WHEN {one} THEN {c}.income ELSE 0 END)", "weight"),
            Aggregate(f"sum(CASE WHEN {one} THEN CASE WHEN {other} THEN {c}.income ELSE 1 END ELSE 0 END)", "weight"),
            Aggregate(f"sum({c}.income * (({one})::INT + 1))", "weight"),
            Aggregate(f"sum({c}.income * (year({c}.birth_date) - 1940))", "weight"),
            Aggregate(f"sum({c}.income + 7 * ({one})::INT)", "weight"),
            Aggregate(f"sum(year({c}.birth_date))", "year"),
            Aggregate(f"sum(nullif(year({c}.birth_date), {year}))", "year"),
            Aggregate(f"sum(coalesce(nullif(year({c}.birth_date), {year}), {year + 1}))", "year"),
            Aggregate(f"avg({c}.income)"), Aggregate(f"stddev({c}.income)"),
            Aggregate(f"sum(CAST({c}.income AS BIGINT))", "weight"),
            Aggregate(f"covar_pop({c}.income, ({one})::INT)"), Aggregate(f"corr(({one})::INT, ({other})::INT)"),
            Aggregate(f"count(nullif({c}.county, '{random.choice(COUNTIES)}'))", "weight"),
        ]  # fmt: skip
        if random.random() < 0.05:
            column = random.choice(COLUMNS)
            found = [Aggregate(f"{random.choice(('min', 'max', 'any_value', 'mode', 'list', 'count'))}({c}.{column})")]
        elif random.random() < 0.05:
            stepped = ("round({}, -3)", "round({} / 1000)", "abs({})", "greatest({}, 5)", "{} % 7", "floor({})")
            found = [Aggregate(f"sum({random.choice(stepped).format(f'{c}.income')})")]
    if query.person:
        p = query.person
        found += [
            Aggregate(f"sum({p}.n)", "weight"), Aggregate(f"sum({p}.total)", "weight"), Aggregate(f"avg({p}.n)"),
            Aggregate(f"sum({p}.most)", "weight"), Aggregate(f"sum({p}.part)", "weight"),
            Aggregate(f"sum({p}.k)", "weight"), Aggregate(f"sum({p}.few)", "weight"), Aggregate(f"median({p}.n)"),
            Aggregate(f"sum({p}.n) FILTER (WHERE {one})", "weight"), Aggregate(f"sum({p}.n - 1)", "weight"),
            Aggregate(f"sum({p}.total * {p}.n)", "weight"), Aggregate(f"stddev({p}.n)"), Aggregate(f"max({p}.n)"),
            Aggregate(f"count({p}.part)", "weight"), Aggregate(f"sum(CASE WHEN {one} THEN {p}.k ELSE 0 END)", "weight"),
        ]  # fmt: skip
    if query.visits and not query.person:
        found += [Aggregate(f"sum({query.visits}.cost)", "weight"),
                  Aggregate(f"sum({query.visits}.cost) FILTER (WHERE {one})", "weight")]  # fmt: skip
    return random.choice(found)


def query(random: Random, hostile: float = 0.2) -> Query:
    """A whole query. `hostile`: how often rows are multiplied by lists and statistics."""
    made = source(random, hostile)
    keys = tuple(dict.fromkeys(key(random, made) for _ in range(random.choice((0, 0, 1, 1, 1, 2)))))
    aggregates = tuple(aggregate(random, made) for _ in range(random.choice((1, 1, 2, 3))))
    where = made.where + tuple(condition(random, made) for _ in range(random.choice((0, 0, 1, 1, 2))))
    wrapped = random.random() < 0.2 and not made.extra and not made.person and "USING" not in made.source
    return replace(made, keys=keys, aggregates=aggregates, where=where, wrapped=wrapped, tail=tail(random, made, keys))


def tail(random: Random, made: Query, keys: Sequence[str]) -> str:
    """What follows the groups."""
    if not keys or random.random() < 0.8:
        return ""
    return random.choice((" HAVING count(*) > 4", " ORDER BY 1", " ORDER BY 1 LIMIT 2", " HAVING count(*) < 9"))


def next_question(random: Random, asked: Query) -> Query:
    """A question that differs in one part: what somebody asks who is after a difference."""
    part = random.random()
    if part < 0.4:
        return replace(asked, where=(*asked.where, condition(random, asked)))
    if part < 0.55:
        return replace(asked, where=asked.where[:-1])
    if part < 0.7:
        return replace(asked, aggregates=(aggregate(random, asked), *asked.aggregates[1:]))
    if part < 0.85:
        keys = tuple(dict.fromkeys([*asked.keys[1:], *([key(random, asked)] if random.random() < 0.6 else [])]))
        return replace(asked, keys=keys, tail="")
    if asked.source == "citizen c":
        sources = (source(random, 0.5) for _ in range(20))
        other = next((each for each in sources if each.people == "c" and not each.visits), asked)
        return replace(asked, source=other.source, extra=other.extra)
    return replace(
        asked, wrapped=not asked.wrapped and not asked.extra and not asked.person and "USING" not in asked.source
    )


def session(random: Random, hostile: float = 0.2) -> list[Query]:
    """Questions of one person after another."""
    questions = [query(random, hostile)]
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        questions.append(next_question(random, random.choice(questions)))
    return questions


def renamed(asked: Query) -> Query:
    """The same question with other names for its tables."""

    def other(text: str) -> str:
        for alias in ("c", "v", "w", "s", "t", "r"):
            after = r" ON| JOIN| LEFT| SEMI| CROSS| WHERE| GROUP|,|\(|$| USING"
            text = re.sub(rf"\b{alias}(?=\.)|(?<=[ )]){alias}(?={after})", f"{alias}_other", text)
        return text

    aggregates = tuple(replace(each, text=other(each.text)) for each in asked.aggregates)
    return replace(
        asked,
        source=other(asked.source),
        people=asked.people and f"{asked.people}_other",
        visits=asked.visits and f"{asked.visits}_other",
        extra=other(asked.extra),
        keys=tuple(map(other, asked.keys)),
        where=tuple(map(other, asked.where)),
        aggregates=aggregates,
    )


def swapped(asked: Query) -> Query:
    """The same question with the sides of its join exchanged."""
    sides = {
        "citizen c JOIN visit v ON c.id_no = v.id_no": "visit v JOIN citizen c ON c.id_no = v.id_no",
        "visit v JOIN citizen c ON v.id_no = c.id_no": "citizen c JOIN visit v ON v.id_no = c.id_no",
        "citizen c LEFT JOIN visit v ON c.id_no = v.id_no": "visit v RIGHT JOIN citizen c ON c.id_no = v.id_no",
        "citizen c, range(2) t(i)": "range(2) t(i), citizen c",
    }
    return replace(asked, source=sides.get(asked.source, asked.source))


MASKED = ("legal_rep_id", "legal_rep_phone")


def masked_rows(random: Random) -> str:
    """A question about rows of the table that gives its rows away, some columns masked."""
    column, other = random.choice(MASKED), random.choice((*MASKED, "name", "uscc", "county"))
    shown = random.choice(
        ("e.{0}", "upper(e.{0})", "e.{0} || e.{1}", "coalesce(e.{0}, 'x')", "CASE WHEN e.county <> 'x' THEN e.{0} END",
         "substring(e.{0}, 1, 30)", "replace(e.{0}, 'x', 'y')", "CAST(e.{0} AS VARCHAR)", "nullif(e.{0}, e.{1})",
         "greatest(e.{0}, e.{1})", "max(e.{0}) OVER ()", "lag(e.{0}) OVER (ORDER BY e.{1})", "e.*", "*")
    ).format(column, other)  # fmt: skip
    grouped = random.choice(("", "", " GROUP BY 1", " ORDER BY 1 LIMIT 7", " WHERE e.county <> 'x'"))
    inner = random.choice(
        ("enterprise e", "(SELECT * FROM enterprise) e", f"(SELECT {column}, {other} AS b, county FROM enterprise) e",
         "enterprise e JOIN enterprise f ON e.uscc = f.uscc",
         f"(SELECT max({column}) AS {column}, county FROM enterprise GROUP BY county) e")
    )  # fmt: skip
    return f"SELECT {'DISTINCT ' * (random.random() < 0.2)}{shown} AS shown FROM {inner}{grouped}".replace(
        "* AS shown", "*"
    )
