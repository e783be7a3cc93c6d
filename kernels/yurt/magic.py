"""`%sql` and `%%sql`: ask the gateway from a cell."""

import argparse
import shlex
from typing import Any

from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.display import display

from yurt import client
from yurt.answer import Answer, Refused


class _BadOption(Exception):
    """An option the magic does not know."""


class _Options(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise _BadOption(message)


def _options(line: str) -> argparse.Namespace:
    parser = _Options(prog="%%sql", add_help=False)
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("name", nargs="?")
    return parser.parse_args(shlex.split(line))


@magics_class
class SQLMagics(Magics):  # type: ignore[misc]
    """`%sql SELECT …`, or `%%sql [--explain] [name]` above a query; with a name the answer is kept under it."""

    @line_cell_magic  # type: ignore[untyped-decorator]
    def sql(self, line: str, cell: str | None = None) -> Answer | None:
        """Run one governed query and show its answer as a table; a refusal says what would pass."""
        try:
            if cell is None:
                return client.query(line)
            options = _options(line)
            answer = client.query(f"EXPLAIN POLICY {cell}" if options.explain else cell)
            if options.name:
                self.shell.user_ns[options.name] = answer
        except Refused as refused:
            display(refused, exclude=["text/plain"])
            print(refused.as_text())  # the plain form, for consoles
            return None
        except _BadOption as bad:
            print(f"%%sql takes --explain and a name: {bad}")
            return None
        return answer
