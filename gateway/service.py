"""The gateway as a web service on loopback: `python -m gateway.service --port N --hub-api URL`.

Three paths, all for sandboxes; each needs a sandbox's token, which its door puts in.
"""

import argparse
import gc
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from audit.home import open_log
from gateway.admission import Admission
from gateway.counter import Counter
from gateway.desk import Desk
from gateway.engine import EngineLimits
from gateway.engines import EnginePool
from gateway.errors import QUESTION_INVALID, TOKEN_REFUSED
from gateway.fair_queue import Caps
from gateway.filtered_copies import FilteredCopies
from gateway.identity import HubIdentity, Sandbox
from gateway.questions import Questions
from gateway.standing import Standings, newest_files
from policies.explain import asked_about
from store.database import Database
from store.errors import YurtError
from store.secrets import Secrets
from store.settings import Settings

LONGEST_SQL = 100_000


class Question(BaseModel):
    """What a notebook sends."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(max_length=LONGEST_SQL)


def create_app(desk: Desk, identity: HubIdentity, on_close: Callable[[], None], caps: Caps | None = None) -> FastAPI:
    """The application over an open desk."""
    counter = Counter(desk, Admission(caps or Caps()), (caps or Caps()).running)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        counter.close()
        on_close()

    app = FastAPI(title="Yurt gateway", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

    async def asking(request: Request) -> Sandbox:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "token") or not token:
            raise YurtError(TOKEN_REFUSED)
        known = identity.known(token)
        return known if known is not None else await run_in_threadpool(identity.sandbox, token)

    Asking = Annotated[Sandbox, Depends(asking)]

    @app.post("/v1/query")
    async def query(sandbox: Asking, question: Question, request: Request) -> Response:
        return await counter.serve(sandbox, question.sql, request)

    @app.post("/v1/explain")
    def explain(sandbox: Asking, question: Question) -> dict[str, Any]:
        return desk.explain(sandbox, asked_about(question.sql) or question.sql)

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
    limits = EngineLimits(memory_bytes=settings.query_memory_mib << 20, threads=settings.query_threads)
    data = settings.home / "data"
    kept = FilteredCopies(  # at 0 MiB it empties its folder
        settings.home / "filtered",
        settings.filtered_copies_mib << 20,
        partial(newest_files, database, data),
        limits,
        settings.filtered_copies_from_kib << 10,
    )
    copies = kept if settings.filtered_copies_mib else None
    engines = EnginePool(
        secrets.key("masking-root"), limits, settings.query_processes, settings.engines, settings.name_model, copies
    )
    identity = HubIdentity(given.hub_api)
    audit = open_log(settings, secrets)
    standings = Standings(database, data, engines)
    questions = Questions(settings.home / "questions")
    desk = Desk(database, audit, engines, standings, settings.query_timeout_s, questions)
    caps = Caps(
        running=min(settings.query_concurrency, settings.query_processes),
        running_per_project=max(1, settings.query_concurrency - 1),
        running_per_user=settings.query_concurrency_per_user,
        waiting=settings.query_waiting,
    )

    def close() -> None:
        engines.close()
        identity.close()
        database.close()

    gc.collect()
    gc.freeze()  # what was imported stays: no collection need walk through it again
    uvicorn.run(create_app(desk, identity, close, caps), host="127.0.0.1", port=given.port, access_log=False)


if __name__ == "__main__":
    main()
