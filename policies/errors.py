"""What a policy can say no to, as data. Names of tables and columns may appear in a message; data values never do."""

from store.errors import ErrorCode

POLICY_INVALID = ErrorCode(
    "POLICY_INVALID", 422, "The policy is not valid at line {line}, column {column}: {problem}", "{hint}"
)
SCHEMA_INVALID = ErrorCode(
    "SCHEMA_INVALID",
    422,
    "The schema is not valid: {problem}",
    "Give plain CREATE TABLE statements with typed columns.",
)

SQL_TOO_LARGE = ErrorCode(
    "SQL_TOO_LARGE", 413, "The query is larger than {limit} {what}.", "Shorten it, or split it into several queries."
)
SQL_TOO_DEEP = ErrorCode(
    "SQL_TOO_DEEP", 413, "The query is nested more than {limit} levels deep.", "Flatten it with WITH, or split it."
)
CHECK_FAILED = ErrorCode(
    "CHECK_FAILED", 403, "The check did not come to an end with this query.",
    "Write it in another way, and tell the operators: their log says where it stopped.",
)  # fmt: skip
SQL_INVALID = ErrorCode(
    "SQL_INVALID", 400, "The query is not valid SQL for {dialect}.", "Check it near the place marked, then ask again."
)
STATEMENT_NOT_ALLOWED = ErrorCode(
    "STATEMENT_NOT_ALLOWED", 403, "Only one SELECT statement is allowed.", "Ask a single SELECT without side effects."
)
CONSTRUCT_NOT_ALLOWED = ErrorCode(
    "CONSTRUCT_NOT_ALLOWED", 403, "{what} is not among the SQL constructs the gateway allows.", "{hint}"
)
FUNCTION_NOT_ALLOWED = ErrorCode("FUNCTION_NOT_ALLOWED", 403, "The function {name} is not allowed here.", "{instead}")
FUNCTION_PARTIAL = ErrorCode(
    "FUNCTION_PARTIAL",
    403,
    "{name} can fail depending on the data, which would tell something about a row.",
    "Compute it of a statistic, as in sqrt(avg(x)), or convert to VARCHAR, BIGINT or DOUBLE.",
)
NOT_IN_ENGINE = ErrorCode(
    "NOT_IN_ENGINE",
    403,
    "{what} has no safe form in {dialect}, where the data is kept.",
    "Leave it out, or ask the agency to keep the data where it has one.",
)
TYPE_MISMATCH = ErrorCode(
    "TYPE_MISMATCH",
    400,
    "A {left} value is combined with a {right} value, which the engine would have to convert row by row.",
    "Write the constant in the type of the column.",
)
TABLE_UNKNOWN = ErrorCode(
    "TABLE_UNKNOWN", 403, "There is no table of that name for this project.", "Look up the project's datasets."
)
COLUMN_UNKNOWN = ErrorCode(
    "COLUMN_UNKNOWN", 403, "There is no column of that name here.", "Look up the columns granted to the project."
)
COLUMN_AMBIGUOUS = ErrorCode(
    "COLUMN_AMBIGUOUS", 400, "The column {name} is in more than one table.", "Put the table's name before it."
)
COLUMN_NOT_USABLE = ErrorCode(
    "COLUMN_NOT_USABLE", 403, "{column} may not be used in any way.", "Leave the column out, or request it."
)
USE_NOT_ALLOWED = ErrorCode(
    "USE_NOT_ALLOWED", 403, "{column} may not be used to {use}{grain}.", "It may be used to: {allowed}."
)
ROWS_NOT_ALLOWED = ErrorCode(
    "ROWS_NOT_ALLOWED",
    403,
    "{dataset} gives groups, never single rows.",
    "Aggregate: count, sum or avg over groups of at least {min_group} {unit}.",
)
AGGREGATE_REVEALS = ErrorCode(
    "AGGREGATE_REVEALS",
    403,
    "{name} returns values of single rows of {column}.",
    "Use count, sum, avg, stddev, or a quantile in the permitted range.",
)
QUANTILE_RANGE = ErrorCode(
    "QUANTILE_RANGE",
    403,
    "A quantile of {column} must be a constant in the permitted range.",
    "Permitted: {allowed}.",
)
NON_LINEAR = ErrorCode(
    "NON_LINEAR",
    403,
    "The expression inside {name} could single out one row's value.",
    "Aggregate the column itself, its sum with or multiple of a constant, or its square.",
)
JOIN_NOT_ALLOWED = ErrorCode("JOIN_NOT_ALLOWED", 403, "These columns may not be joined or compared.", "{allowed}")
JOIN_UNCONNECTED = ErrorCode(
    "JOIN_UNCONNECTED",
    403,
    "The tables are not connected by an allowed equality.",
    "Join them with ON and a pair of columns from the policy's joins.",
)
SUBQUERY_NOT_ALLOWED = ErrorCode("SUBQUERY_NOT_ALLOWED", 403, "This subquery is not allowed here: {why}.", "{hint}")
NOT_GROUPED = ErrorCode(
    "NOT_GROUPED", 400, "An output of the grouped query is neither a group key nor an aggregate.", "Add it to GROUP BY."
)
USER_ATTRIBUTE_MISSING = ErrorCode(
    "USER_ATTRIBUTE_MISSING",
    403,
    "The row filter of {dataset} needs the user's attribute {attribute}, which is not set.",
    "Ask the platform's administrator to set it.",
)
DP_UNSUPPORTED = ErrorCode("DP_UNSUPPORTED", 403, "{what} cannot be answered with differential privacy.", "{hint}")
DP_MODES_MIXED = ErrorCode(
    "DP_MODES_MIXED",
    403,
    "{dataset} is released with differential privacy and {other} is not, so one query cannot use both.",
    "Ask about each of them alone, or ask an approver to release both with differential privacy.",
)
DP_BOUNDS_MISSING = ErrorCode(
    "DP_BOUNDS_MISSING",
    403,
    "The policy gives no bounds for {column}, so noise for an aggregate of it has no size.",
    "Count instead, or ask an approver to add bounds for the column.",
)
DP_KEYS_PRIVATE = ErrorCode(
    "DP_KEYS_PRIVATE",
    403,
    "Which groups exist is itself private here, and the policy has no delta to protect it.",
    "Leave GROUP BY out, group by a column with a public domain, or ask an approver for a delta.",
)
DP_BUDGET_EXHAUSTED = ErrorCode(
    "DP_BUDGET_EXHAUSTED",
    403,
    "The privacy budget of {dataset} does not allow another question at this cost.",
    "Use the answers given so far, or ask an approver for a new budget.",
)
DIFFERENCING = ErrorCode(
    "DIFFERENCING",
    403,
    "Together with another answer, or part of the query, this would describe fewer people than the minimum.",
    "Ask for a filter that differs by a larger group, or compute totals from the groups.",
)
HISTORY_FULL = ErrorCode(
    "HISTORY_FULL",
    403,
    "Too many different questions were answered about these people to check one more against all of them.",
    "Ask an approver to open a new period.",
)
DOMINANCE_UNSUPPORTED = ErrorCode(
    "DOMINANCE_UNSUPPORTED",
    403,
    "The dominance rule of {dataset} cannot be checked for this query.",
    "Aggregate the column from its own table, without a join, on DuckDB.",
)
COMPARISONS_TOO_MANY = ErrorCode(
    "COMPARISONS_TOO_MANY",
    403,
    "The query asks for {count} different conditional groups at once.",
    "Ask at most {limit} in one query.",
)
ALIAS_RESERVED = ErrorCode("ALIAS_RESERVED", 400, "Names that begin with __y are reserved.", "Choose another name.")
