"""Ask the platform's data from inside a sandbox: what comes back is what the project's grants allow.

import yurt
yurt.tables()                                  # what may be asked, how, and in which dialect
yurt.query("SELECT ...").to_pandas()           # a governed answer; to_polars(), to_arrow()
yurt.batches("SELECT ...")                     # the same part by part, for answers larger than memory
yurt.explain("SELECT ...")                     # the decision, without running it
"""

from yurt.answer import Answer, Refused
from yurt.client import batches, explain, query, tables

__all__ = ["Answer", "Refused", "batches", "explain", "load_ipython_extension", "query", "tables"]


def load_ipython_extension(shell: object) -> None:
    """IPython's hook: `%load_ext yurt`, done for every notebook by the environment's own configuration."""
    from yurt.magic import SQLMagics

    shell.register_magics(SQLMagics)  # type: ignore[attr-defined]
