"""A grouped SELECT over protected rows, taken apart: exact bounded sums for the engine, and a table of noisy columns.

    rows of one unit        SELECT unit, keys, parts   FROM … WHERE … GROUP BY unit, keys
    in at most m groups     ROW_NUMBER() OVER (PARTITION BY unit ORDER BY hash(unit, keys)) <= m
    exact table             SELECT keys, SUM(part), …  GROUP BY keys

Which of its groups a unit stays in depends on its own rows only, so the bound on what one unit changes holds whatever
the order is; a hash neither favours some groups nor needs a secret, and gives the same choice each time.
"""

from collections.abc import Mapping
from dataclasses import replace

from sqlglot import exp

from policies import rewrite
from policies.dp_domains import Domain, domains, everything, within
from policies.dp_measures import Measures
from policies.dp_plan import Draft, Measure
from policies.dp_rows import one_unit, private, protected
from policies.dp_tree import closed
from policies.environment import RESERVED, Block, Environment
from policies.errors import DP_KEYS_PRIVATE, DP_MODES_MIXED, DP_UNSUPPORTED
from policies.failing import ENOUGH
from policies.labels import Dep, Value
from policies.model import Mode, PrivacyTerms
from policies.refusal import Refusal
from policies.resolve import Relation

_HASHES = {"duckdb": "hash", "spark": "xxhash64"}
"""Hash functions of several arguments; elsewhere MD5 of the text of all."""


def concerned(env: Environment, block: Block) -> bool:
    """Are rows of the block protected by noise."""
    return bool(protected(env, block.units))


def released(
    env: Environment, block: Block, made: exp.Select, columns: Mapping[str, Value], node: exp.Select
) -> Relation:
    """`made` over the noisy table that stands for its groups; the release itself goes into `env.drafts`."""
    _refuse_others(env, block, node)
    terms = _terms(env, block)
    keys = [key for key in block.keys if key.node.find(exp.Column)]
    measures = Measures(env, max(each.max_rows_contributed for each in terms))
    known = domains(env, keys)
    threshold = bool(keys) and known is None
    if threshold:
        measures.units()
    estimates = tuple(measures.estimate(each) for each in block.aggregates.values())
    if threshold and min(each.delta for each in terms) == 0:
        raise Refusal.of(DP_KEYS_PRIVATE, node, rule="release.delta: 0")
    groups = min(each.max_groups_contributed for each in terms) if keys else 1
    if known is not None and keys:
        groups = min(groups, everything(known))
    draft = Draft(
        table=f"{RESERVED}{env.number()}",
        tree=closed(_exact(env, block, made, keys, known, measures, groups), node),
        keys=tuple(f"k{place}" for place in range(len(keys))),
        measures=tuple(measure for _, measure in measures.parts),
        estimates=estimates,
        groups=groups,
        thresholded=threshold,
        terms=tuple(terms),
        unit=next(env.policy.datasets[unit.dataset].unit or "" for unit in protected(env, block.units)),
        rows=measures.rows,
    )
    env.drafts.append(draft)
    _finish(block, made, keys, draft.table)
    plain = {
        name: replace(value, deps=frozenset(), preds=frozenset(), plain=None, aggregates=frozenset())
        for name, value in columns.items()
    }
    return Relation(made, plain, exact=False, single=not block.keys)


def _refuse_others(env: Environment, block: Block, node: exp.Select) -> None:
    """Beside protected tables only rows that may be shown, one grouping, and no statistic of this query."""
    if block.sets:
        raise Refusal.of(
            DP_UNSUPPORTED, node, what="Several groupings at once", hint="Ask for each grouping on its own."
        )
    deps: set[Dep] = set(block.influence)
    deps |= {dep for key in block.keys for dep in key.all_deps}
    deps |= {dep for aggregate in block.aggregates.values() for dep in aggregate.deps}
    names = {unit.dataset for unit in block.units} | {dep.dataset for dep in deps}
    mine = next(unit.dataset for unit in protected(env, block.units))
    for name in sorted(names):
        dataset = env.policy.datasets[name]
        shown = {dep.column for dep in deps if dep.dataset == name}
        if private(env, name) or (
            dataset.release.mode is Mode.ROWS and all(dataset.columns[column].readable for column in shown)
        ):
            continue
        raise Refusal.of(
            DP_MODES_MIXED, node, rule=f"{dataset.name}.release.mode: {dataset.release.mode}",
            dataset=env.policy.datasets[mine].name, other=dataset.name,
        )  # fmt: skip


def _terms(env: Environment, block: Block) -> list[PrivacyTerms]:
    """The terms of every dataset whose budget the block is charged to."""
    names = {unit.dataset for unit in protected(env, block.units)} | {dep.dataset for dep in block.influence}
    found = [env.policy.datasets[name].release.privacy for name in sorted(names) if private(env, name)]
    return [terms for terms in found if terms is not None]


def _exact(
    env: Environment,
    block: Block,
    made: exp.Select,
    keys: list[Value],
    known: list[Domain] | None,
    measures: Measures,
    groups: int,
) -> exp.Expr:
    """The engine's query."""
    person, conditions = one_unit(protected(env, block.units))
    names = [f"k{place}" for place in range(len(keys))]
    inner = exp.Select(
        expressions=[
            exp.alias_(person, "u", quoted=True),
            *(exp.alias_(key.node.copy(), name, quoted=True) for key, name in zip(keys, names, strict=True)),
            *(exp.alias_(part.copy(), measure.column, quoted=True) for part, measure in measures.parts),
        ]
    )
    for clause in ("from_", "joins", "where"):
        if made.args.get(clause):
            given = made.args[clause]
            inner.set(clause, [each.copy() for each in given] if isinstance(given, list) else given.copy())
    if known is not None:
        conditions += [within(key.node, domain) for key, domain in zip(keys, known, strict=True)]
    inner = inner.where(*conditions, copy=False)
    inner = inner.group_by(person.copy(), *(key.node.copy() for key in keys), copy=False)
    bounded_rows: exp.Expr = inner
    if keys and (known is None or everything(known) > groups):
        bounded_rows = _chosen_groups(env, inner, names, measures, groups)
    outer = exp.Select(
        expressions=[
            *(rewrite.column(name, "g") for name in names),
            *(exp.alias_(_total(measure, "g"), measure.column, quoted=True) for _, measure in measures.parts),
        ]
    ).from_(exp.Subquery(this=bounded_rows, alias=exp.TableAlias(this=rewrite.quoted("g"))), copy=False)
    if not names:
        return outer
    outer = outer.group_by(*(rewrite.column(name, "g") for name in names), copy=False)
    return outer if known is None else _over_all(outer, names, known, measures)


def _total(measure: Measure, table: str) -> exp.Expr:
    total = exp.Coalesce(this=exp.Sum(this=rewrite.column(measure.column, table)), expressions=[exp.Literal.number(0)])
    return rewrite.cast(total, exp.DType.BIGINT)


def _chosen_groups(env: Environment, inner: exp.Select, names: list[str], measures: Measures, groups: int) -> exp.Expr:
    """At most `groups` of the groups of each unit."""
    source = exp.Subquery(this=inner, alias=exp.TableAlias(this=rewrite.quoted("o")))
    by = [rewrite.column(name, "o") for name in ("u", *names)]
    rank = exp.Window(
        this=exp.RowNumber(),
        partition_by=[by[0].copy()],
        order=exp.Order(expressions=[exp.Ordered(this=_hash(env, by))]),
        over="OVER",
    )
    kept = [*names, *(measure.column for _, measure in measures.parts)]
    ranked = exp.Select(
        expressions=[*(rewrite.column(name, "o") for name in kept), exp.alias_(rank, "n", quoted=True)]
    ).from_(source, copy=False)
    return (
        exp.Select(expressions=[rewrite.column(name, "n") for name in kept])
        .from_(exp.Subquery(this=ranked, alias=exp.TableAlias(this=rewrite.quoted("n"))), copy=False)
        .where(exp.LTE(this=rewrite.column("n", "n"), expression=exp.Literal.number(groups)), copy=False)
    )


def _hash(env: Environment, by: list[exp.Column]) -> exp.Expr:
    name = _HASHES.get(env.dialect)
    if name is not None:
        return exp.Anonymous(this=name, expressions=[each.copy() for each in by])
    texts = [
        exp.Coalesce(this=exp.cast(each.copy(), exp.DType.TEXT), expressions=[exp.Literal.string("")]) for each in by
    ]
    joined: exp.Expr = texts[0]
    for text in texts[1:]:
        joined = exp.DPipe(this=exp.DPipe(this=joined, expression=exp.Literal.string("|")), expression=text)
    return exp.MD5(this=joined)


def _over_all(outer: exp.Select, names: list[str], known: list[Domain], measures: Measures) -> exp.Expr:
    """Every group of the public domains, those without rows with zeros."""
    made = exp.Select(
        expressions=[
            *(exp.alias_(rewrite.column("v", f"d{place}"), name, quoted=True) for place, name in enumerate(names)),
            *(
                exp.alias_(
                    exp.Coalesce(
                        this=rewrite.column(measure.column, "e"), expressions=[exp.Literal.number(0)]
                    ), measure.column, quoted=True)
                for _, measure in measures.parts
            ),
        ]
    )  # fmt: skip
    for place, domain in enumerate(known):
        rewrite.meet(made, domain.values(f"d{place}"))
    same = [
        exp.NullSafeEQ(this=rewrite.column("v", f"d{place}"), expression=rewrite.column(name, "e"))
        for place, name in enumerate(names)
    ]
    groups = exp.Subquery(this=outer, alias=exp.TableAlias(this=rewrite.quoted("e")))
    made.append("joins", exp.Join(this=groups, side="LEFT", on=exp.and_(*same, copy=False)))
    return made


def _finish(block: Block, made: exp.Select, keys: list[Value], table: str) -> None:
    """`made` over the noisy table: keys and aggregates are its columns, HAVING is a WHERE."""

    def put(part: exp.Expr) -> exp.Expr:
        if isinstance(part, exp.Placeholder) and part.this == ENOUGH:
            return exp.true()  # of every group in a noisy table
        if isinstance(part, exp.Placeholder):
            number = str(part.this).removeprefix("plain").removeprefix("guarded")
            return rewrite.column(f"a{number}", table)
        for place, key in enumerate(keys):
            if part == key.node:
                return rewrite.column(f"k{place}", table)
        return part

    for name in ("where", "joins", "group"):
        made.set(name, None)
    made.set("from_", exp.From(this=exp.Table(this=rewrite.quoted(table))))
    made.set("expressions", [each.transform(put) for each in made.expressions])
    for name in ("order", "qualify", "having"):
        if made.args.get(name):
            made.set(name, made.args[name].transform(put))
    having = made.args.get("having")
    if having:
        made.set("where", exp.Where(this=having.this))
        made.set("having", None)
