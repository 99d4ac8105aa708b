"""The ASGI app: routes, problem documents, headers, and the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headrace.runtime import metrics
from headrace.runtime.status_settings import StatusSettings
from headrace_status.api import commands, log_lines, problems, schedules, system, workflows
from headrace_status.api.context import Context, Ends, context
from headrace_status.api.freshness import News
from headrace_status.api.pool import Pool
from headrace_status.projection.board import Board

PREFIX = "/api/v1"
PAGE = Path(__file__).parent.parent / "page"
_MEDIA_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
# The page loads nothing from elsewhere and runs nothing inline: what a task returned can never become code in it.
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


Here = Annotated[Context, Depends(context)]


def create_app(dsn: str, schema: str, board: Board, ends: Ends, limits: StatusSettings | None = None) -> FastAPI:
    """Return the app; `dsn` is the read-only role's, `schema` holds the views."""
    chosen = limits or StatusSettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool, news = Pool(dsn, schema, chosen), News(board)
        app.state.context = Context(pool=pool, board=board, news=news, limits=chosen, ends=ends)
        yield
        news.close()
        await pool.close()

    app = FastAPI(title="headrace read API", version="1", docs_url=None, redoc_url=None, lifespan=lifespan)
    problems.install(app)
    app.include_router(workflows.router, prefix=PREFIX)
    app.include_router(commands.router, prefix=PREFIX)
    app.include_router(log_lines.router, prefix=PREFIX)
    app.include_router(schedules.router, prefix=PREFIX)
    app.include_router(system.router, prefix=PREFIX)
    _service_routes(app)
    _page_routes(app)
    app.add_middleware(HeadAsGet)
    return app


def _service_routes(app: FastAPI) -> None:
    @app.get("/healthz", tags=["service"])
    async def health() -> Response:
        """The process is alive."""
        return Response('{"status":"ok"}', media_type="application/json")

    @app.get("/readyz", tags=["service"], responses={503: problems_response()})
    async def ready(here: Here) -> Response:
        """Postgres answers, and the projection has caught up once."""
        await here.pool.rows("SELECT 1 FROM positions LIMIT 1")
        if not here.board.caught_up_once.is_set():
            detail = f"Expected the projection to have caught up, but it is {here.board.lag_ms()} ms behind the log"
            return problems.response(HTTPStatus.SERVICE_UNAVAILABLE, detail, lag_ms=here.board.lag_ms())
        return here.answer({"status": "ready"})

    @app.get("/metrics", tags=["service"])
    async def figures(here: Here) -> Response:
        """Numbers in Prometheus's text format."""
        metrics.gauge("headrace.status.lag", "How far the read model is behind the log", "ms").set(here.board.lag_ms())
        return Response(metrics.prometheus_text(), media_type="text/plain; version=0.0.4")


def problems_response() -> dict[str, object]:
    """Return how OpenAPI describes a problem."""
    return {"description": "Not ready.", "content": {problems.MEDIA_TYPE: {}}}


def _page_routes(app: FastAPI) -> None:
    files = {path.name: path for path in PAGE.iterdir() if path.suffix in _MEDIA_TYPES}

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return _file(files["index.html"])

    @app.get("/page/{name}", include_in_schema=False)
    async def part(name: str) -> Response:
        if name not in files:
            raise problems.Problem(HTTPStatus.NOT_FOUND, f"Expected a file of the page, but found {name}")
        return _file(files[name])


def _file(path: Path) -> Response:
    return Response(path.read_bytes(), media_type=_MEDIA_TYPES[path.suffix], headers=_PAGE_HEADERS)


class HeadAsGet:
    """Answers HEAD like GET, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, send_head)
