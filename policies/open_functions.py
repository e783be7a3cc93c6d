"""What queries over rows that may be shown may use besides `policies.functions`: allow-lists, as data.

Such a query computes what its author could compute at home, so a function may fail, convert or show single values. It
still may not reach outside the query: no function here reads files, settings, the catalogue, another session or SQL in
text, waits, or writes.
"""

from sqlglot import exp

NODES: frozenset[type[exp.Expr]] = frozenset({
    exp.Literal, exp.Null, exp.Boolean, exp.Interval, exp.CurrentDate, exp.CurrentTimestamp, exp.Localtimestamp,
    exp.Neg, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor,
    exp.BitwiseNot, exp.BitwiseLeftShift, exp.BitwiseRightShift,
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Between, exp.Is, exp.And,
    exp.Or, exp.Not, exp.Xor, exp.Like, exp.ILike, exp.SimilarTo, exp.Escape, exp.Glob, exp.Tuple, exp.Array,
    exp.Bracket, exp.Slice, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.DPipe, exp.Concat, exp.ConcatWs,
    exp.Cast, exp.TryCast, exp.Try, exp.AtTimeZone, exp.Typeof, exp.Distance,
    # text
    exp.Upper, exp.Lower, exp.Trim, exp.Reverse, exp.Length, exp.Left, exp.Right, exp.Substring, exp.Replace,
    exp.StartsWith, exp.EndsWith, exp.Contains, exp.StrPosition, exp.Pad, exp.Repeat, exp.Split, exp.SplitPart,
    exp.RegexpLike, exp.RegexpFullMatch, exp.RegexpExtract, exp.RegexpExtractAll, exp.RegexpReplace, exp.RegexpSplit,
    exp.Ascii, exp.Chr, exp.Unicode, exp.Translate, exp.Overlay, exp.Levenshtein, exp.JarowinklerSimilarity,
    exp.Format, exp.BitLength, exp.Hex, exp.Unhex, exp.ToBase64, exp.FromBase64, exp.MD5, exp.SHA, exp.SHA2,
    # numbers
    exp.Abs, exp.Sign, exp.Floor, exp.Ceil, exp.Trunc, exp.Round, exp.Greatest, exp.Least, exp.Ln, exp.Log, exp.Exp,
    exp.Sqrt, exp.Cbrt, exp.Pow, exp.Factorial, exp.Pi, exp.Degrees, exp.Radians, exp.Sin, exp.Cos, exp.Tan, exp.Cot,
    exp.Asin, exp.Acos, exp.Atan, exp.Atan2, exp.Sinh, exp.Cosh, exp.Tanh, exp.IsNan, exp.IsInf,
    # dates and times
    exp.Year, exp.Quarter, exp.Month, exp.Week, exp.WeekOfYear, exp.Day, exp.DayOfMonth, exp.DayOfWeek,
    exp.DayOfWeekIso, exp.DayOfYear, exp.Monthname, exp.Dayname, exp.Hour, exp.Minute, exp.Second, exp.LastDay,
    exp.Extract, exp.DateDiff, exp.DateAdd, exp.DateSub, exp.DateTrunc, exp.TimestampTrunc, exp.DateBin,
    exp.TsOrDsAdd, exp.TsOrDsToDate, exp.Date, exp.DateFromParts, exp.TimestampFromParts, exp.TimeToStr,
    exp.StrToTime, exp.StrToDate, exp.TimeToUnix, exp.UnixToTime, exp.ToDays,
    # lists
    exp.ArraySize, exp.ArrayContains, exp.ArrayContainsAll, exp.ArrayOverlaps, exp.ArrayConcat, exp.ArrayDistinct,
    exp.ArrayPosition, exp.ArraySort, exp.ArrayToString, exp.ArraySlice, exp.ArrayIntersect, exp.Flatten,
})  # fmt: skip
"""Nodes that are rebuilt from their checked children."""

NAMES = frozenset({
    "add", "subtract", "multiply", "divide", "greatest_common_divisor", "gcd", "least_common_multiple", "lcm",
    "even", "gamma", "lgamma", "round_even", "isfinite", "signbit", "nextafter", "bit_count", "strip_accents",
    "nfc_normalize", "lpad", "rpad", "prefix", "suffix", "ord", "printf", "strlen", "octet_length",
    "length_grapheme", "left_grapheme", "right_grapheme", "substring_grapheme", "jaccard", "jaro_similarity",
    "damerau_levenshtein", "hamming", "mismatches", "regexp_escape", "regexp_split_to_array", "bar", "base64",
    "bin", "to_base", "format_bytes", "hash", "age", "date_part", "datepart", "date_sub", "datesub", "decade",
    "century", "millennium", "era", "isoyear", "yearweek", "weekday", "julian", "epoch_us", "epoch_ns",
    "millisecond", "microsecond", "try_strptime", "make_timestamp_ms", "make_timestamp_ns", "timezone",
    "to_centuries", "to_decades", "to_years", "to_quarters", "to_months", "to_weeks", "to_days", "to_hours",
    "to_minutes", "to_seconds", "to_milliseconds", "to_microseconds", "get_current_timestamp", "now", "today",
    "transaction_timestamp", "list_extract", "list_element", "array_extract", "list_position", "list_indexof",
    "array_indexof", "list_unique", "array_unique", "list_cat", "list_slice", "list_has_all", "list_intersect",
    "list_pack", "list_zip", "array_zip", "list_sum", "list_avg", "list_min", "list_max", "list_count",
    "list_median", "list_mode", "list_first", "list_last", "list_any_value", "list_product", "list_string_agg",
    "list_stddev_samp", "list_var_samp", "list_reverse", "array_reverse", "list_append", "list_prepend",
    "array_append", "array_prepend", "list_cosine_similarity", "list_dot_product", "list_inner_product",
    "element_at", "cardinality", "equi_width_bins",
})  # fmt: skip
"""Functions the parser leaves as plain calls."""

AGGREGATES: frozenset[type[exp.Expr]] = frozenset({
    exp.BitwiseAndAgg, exp.BitwiseOrAgg, exp.BitwiseXorAgg, exp.Kurtosis, exp.Skewness, exp.RegrAvgx, exp.RegrAvgy,
    exp.RegrCount, exp.RegrIntercept, exp.RegrR2, exp.RegrSlope, exp.RegrSxx, exp.RegrSxy, exp.RegrSyy, exp.ApproxTopK,
})  # fmt: skip
AGGREGATE_NAMES = frozenset({
    "arbitrary", "arg_max_null", "arg_min_null", "arg_max_nulls_last", "arg_min_nulls_last", "entropy", "favg",
    "fsum", "kahan_sum", "sumkahan", "histogram", "kurtosis_pop", "mad", "mean", "product", "sem", "count_star",
})  # fmt: skip
"""Aggregates among plain calls."""

KINDS: dict[type[exp.Expr], str] = {
    **dict.fromkeys((
        exp.RegexpExtract, exp.RegexpReplace, exp.SplitPart, exp.Pad, exp.Repeat, exp.Chr, exp.Translate, exp.Overlay,
        exp.Format, exp.Hex, exp.MD5, exp.SHA, exp.SHA2,
    ), "text"),
    **dict.fromkeys((exp.RegexpLike, exp.RegexpFullMatch, exp.SimilarTo, exp.Glob, exp.IsNan, exp.IsInf), "bool"),
    **dict.fromkeys((exp.Ascii, exp.Unicode, exp.BitLength, exp.Levenshtein, exp.Hour, exp.Minute), "int"),
    **dict.fromkeys((
        exp.Log, exp.Exp, exp.Cbrt, exp.Degrees, exp.Radians, exp.Sin, exp.Cos, exp.Tan, exp.Cot, exp.Asin, exp.Acos,
        exp.Atan, exp.Atan2, exp.Pi, exp.JarowinklerSimilarity, exp.Second,
    ), "num"),
    exp.DateFromParts: "date",
}  # fmt: skip
"""Functions whose results are of one kind whatever they are given, so that comparing them converts nothing."""
NAME_KINDS: dict[str, str] = {
    **dict.fromkeys((
        "printf", "lpad", "rpad", "strip_accents", "nfc_normalize", "bar", "bin", "to_base", "format_bytes",
        "left_grapheme", "right_grapheme", "substring_grapheme",
    ), "text"),
    **dict.fromkeys(("prefix", "suffix", "isfinite"), "bool"),
    **dict.fromkeys(("ord", "strlen", "octet_length", "length_grapheme", "bit_count"), "int"),
    **dict.fromkeys(("jaccard", "jaro_similarity", "even", "round_even"), "num"),
}  # fmt: skip

TOTAL: frozenset[type[exp.Expr]] = frozenset({
    exp.Log, exp.Exp, exp.Cbrt, exp.Degrees, exp.Radians, exp.Sin, exp.Cos, exp.Tan, exp.Cot, exp.Asin, exp.Acos,
    exp.Atan, exp.Atan2, exp.Pi, exp.IsNan, exp.IsInf, exp.Hex, exp.MD5, exp.SHA, exp.SHA2, exp.Ascii, exp.Unicode,
    exp.BitLength, exp.Levenshtein, exp.Hour, exp.Minute, exp.Second,
})  # fmt: skip
TOTAL_NAMES = frozenset({
    "strip_accents", "nfc_normalize", "bin", "format_bytes", "prefix", "suffix", "isfinite", "ord", "strlen",
    "octet_length", "length_grapheme", "bit_count", "even", "round_even",
})  # fmt: skip
"""Those that fail for no value of the types they take."""
