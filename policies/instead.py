"""What to write instead of functions that are not allowed, by the name a query calls them."""

_PATTERN = "Use LIKE, starts_with(x, 'A') or substr(x, 1, 3)."
_DATE = "Use date_trunc('month', x), strftime(x, '%Y-%m') or year(x)."
_JOINED = "Put texts together with ||, or fill up with lpad(x, 2, '0')."
_DISTRIBUTION = "Use GROUP BY with count(*)."
_RANDOM = "There is none: an answer is the same for everyone who asks."
_ROWS = "There is none: only the tables of the project can be read."
_ANY = "Ask for the statistics, and compute the rest of them in the notebook."
_INSTEAD = {
    **dict.fromkeys(
        ("regexp_matches", "regexp_full_match", "regexp_extract", "regexp_replace", "regexp_like"), _PATTERN
    ),
    **dict.fromkeys(
        ("rlike", "regexplike", "similar", "glob", "regexp_extract_all", "regexp_split_to_array"), _PATTERN
    ),
    **dict.fromkeys(("to_char", "make_date", "date", "to_date", "date_add", "yearweek", "week"), _DATE),
    **dict.fromkeys(("format", "printf", "concat_ws"), _JOINED),
    **dict.fromkeys(("histogram", "mode", "entropy", "list", "array_agg", "approx_top_k"), _DISTRIBUTION),
    **dict.fromkeys(("random", "uuid", "gen_random_uuid", "setseed", "rand"), _RANDOM),
    **dict.fromkeys(
        ("read_csv", "read_parquet", "read_text", "read_json", "glob_files", "getenv", "pg_read_file"), _ROWS
    ),
    "age": "Use the difference of two years: year(a) - year(b).",
    "datesub": "Use the difference of two years: year(a) - year(b).",
    "struct": "Show each value in a column of its own.",
    "struct_pack": "Show each value in a column of its own.",
    "row": "Show each value in a column of its own.",
    "weighted_avg": "Use sum(x * w) / sum(w).",
    "product": "Use exp(sum(ln(x))).",
    "geomean": "Use exp(avg(ln(x))) of statistics.",
    "mad": "Use quantile_cont(x, [0.25, 0.75]).",
    "skewness": "Use avg, stddev and quantile_cont.",
    "kurtosis": "Use avg, stddev and quantile_cont.",
}


def instead(name: str) -> str:
    """A sentence."""
    return _INSTEAD.get(name.partition(" ")[0], _ANY)  # `mode WITHIN GROUP`
