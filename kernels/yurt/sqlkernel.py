"""A kernel whose cells are SQL: every cell is one governed query."""

from typing import Any

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

from yurt import client
from yurt.answer import Refused


class SQLKernel(Kernel):  # type: ignore[misc]
    """See the module."""

    implementation = "yurt-sql"
    implementation_version = "0.1.0"
    language_info = {"name": "sql", "mimetype": "application/sql", "file_extension": ".sql"}  # noqa: RUF012
    banner = "Each cell is one query; what comes back is what the project's grants allow."

    def _ok(self) -> dict[str, Any]:
        return {"status": "ok", "execution_count": self.execution_count, "payload": [], "user_expressions": {}}

    async def do_execute(self, code: str, silent: bool, *_args: object, **_kwargs: object) -> dict[str, Any]:
        """Ask the gateway; a refusal is an answer and not an error of the kernel."""
        if not code.strip():
            return self._ok()
        try:
            answer = client.query(code)
            text, html = answer.as_text(), answer.as_html()
        except KeyboardInterrupt:  # the interrupt button: hanging up has stopped the query
            stopped = Refused("STOPPED", "The query was stopped.", "Run the cell to ask again.")
            text, html = stopped.as_text(), stopped.as_html()
        except Refused as refused:
            text, html = refused.as_text(), refused.as_html()
        if not silent:
            content = {
                "data": {"text/plain": text, "text/html": html},
                "metadata": {},
                "execution_count": self.execution_count,
            }
            self.send_response(self.iopub_socket, "execute_result", content)
        return self._ok()


if __name__ == "__main__":
    IPKernelApp.launch_instance(kernel_class=SQLKernel)
