"""The gateway as a web service on loopback: `python -m gateway.service --port N --hub-api URL`.

Three paths, all for sandboxes; each needs a sandbox's token, which its door puts in.
"""

import argparse
import io
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pyarrow as pa
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from audit.home import open_log
from gateway.answer import WRONG_SQL, Answer, Failed
from gateway.desk import Desk
from gateway.engine import EngineLimits
from gateway.engines import EnginePool
from gateway.errors import QUESTION_INVALID, TOKEN_REFUSED
from gateway.identity import HubIdentity, Sandbox
from policies.decision import Allowed, Refused
from store.database import Database
from store.errors import YurtError
from store.secrets import Secrets
from store.settings import Settings

ARROW = "application/vnd.apache.arrow.stream"
LONGEST_SQL = 100_000


class Question(BaseModel):
    """What a notebook sends."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(max_length=LONGEST_SQL)


def create_app(desk: Desk, identity: HubIdentity, on_close: Callable[[], None]) -> FastAPI:
    """The application over an open desk."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        on_close()

    app = FastAPI(title="Yurt gateway", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

    def asking(request: Request) -> Sandbox:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "token") or not token:
            raise YurtError(TOKEN_REFUSED)
        return identity.sandbox(token)

    Asking = Annotated[Sandbox, Depends(asking)]

    @app.post("/v1/query")
    def query(sandbox: Asking, question: Question) -> Response:
        given = desk.ask(sandbox, question.sql)
        if isinstance(given, Answer):
            return Response(
                _arrow(given.table), media_type=ARROW, headers={"X-Yurt-Report": json.dumps(_report(given))}
            )
        return _refusal(given)

    @app.post("/v1/explain")
    def explain(sandbox: Asking, question: Question) -> Response:
        decision = desk.explain(sandbox, question.sql)
        return JSONResponse(_explained(decision) if isinstance(decision, Allowed) else _body(decision))

    @app.get("/v1/tables")
    def tables(sandbox: Asking) -> list[dict[str, Any]]:
        return desk.tables(sandbox)

    @app.get("/health")
    def health() -> dict[str, bool]:
        return {"ok": True}

    @app.exception_handler(YurtError)
    def yurt_error(_request: Request, error: YurtError) -> Response:
        return JSONResponse({"code": error.code, "message": error.message, "hint": error.hint}, error.http)

    @app.exception_handler(RequestValidationError)
    def invalid(_request: Request, _error: RequestValidationError) -> Response:
        error = YurtError(QUESTION_INVALID, longest=LONGEST_SQL)
        return JSONResponse({"code": error.code, "message": error.message, "hint": error.hint}, error.http)

    return app


def _arrow(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema) as stream:
        stream.write_table(table)
    return buffer.getvalue()


def _report(given: Answer) -> dict[str, Any]:
    elapsed = given.elapsed
    return {
        "suppressed": given.suppressed,
        "elapsed_ms": {"decide": round(elapsed.decide, 2), "execute": round(elapsed.execute, 2),
                       "release": round(elapsed.release, 2)},
    }  # fmt: skip


def _body(refused: Refused | Failed) -> dict[str, Any]:
    body: dict[str, Any] = {"code": refused.code, "message": refused.message, "hint": refused.hint}
    if isinstance(refused, Refused):
        body |= {"span": refused.span, "rule": refused.rule, "suggestion": refused.suggestion}
    return body


def _refusal(refused: Refused | Failed) -> Response:
    wrong = isinstance(refused, Failed) or refused.code in WRONG_SQL
    return JSONResponse(_body(refused), 400 if wrong else 403)


def _explained(decision: Allowed) -> dict[str, Any]:
    return {
        "outcome": "allow",
        "sql": decision.sql,
        "release": {"mode": decision.release.mode, "min_group": decision.release.min_group,
                    "max_rows": decision.release.max_rows},
        "lineage": {column.name: [f"{source.dataset}.{source.column} ({source.how})" for source in column.sources]
                    for column in decision.lineage},
    }  # fmt: skip


def main() -> None:
    """Serve until SIGTERM."""
    import uvicorn

    parser = argparse.ArgumentParser(prog="python -m gateway.service", description="Yurt's gateway for SQL.")
    parser.add_argument("--port", type=int, required=True, help="port on loopback")
    parser.add_argument("--hub-api", required=True, help="URL of the hub's REST API")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = Settings()
    secrets = Secrets(settings.home / "secrets")
    database = Database(settings.records_url)
    engines = EnginePool(secrets.key("masking-root"), EngineLimits(memory_bytes=settings.query_memory_mib << 20))
    identity = HubIdentity(given.hub_api)
    desk = Desk(database, open_log(settings, secrets), engines, settings.home / "data")

    def close() -> None:
        engines.close()
        identity.close()
        database.close()

    uvicorn.run(create_app(desk, identity, close), host="127.0.0.1", port=given.port, access_log=False)


if __name__ == "__main__":
    main()
