"""Errors as problem documents (RFC 9457): what was expected, what was found, what to do."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer that is an error. `extra` are further members of the document."""

    def __init__(self, status: HTTPStatus, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.extra = extra


def bad_request(detail: str, **extra: Any) -> Problem:
    """Return the problem of a request that cannot be understood."""
    return Problem(HTTPStatus.BAD_REQUEST, detail, **extra)


def response(status: int, detail: str, headers: dict[str, str] | None = None, **extra: Any) -> Response:
    """Return a problem document."""
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **extra}
    return Response(msgspec.json.encode(document), status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Make every error of the app a problem document."""

    @app.exception_handler(Problem)
    async def problem(_: Request, error: Problem) -> Response:
        return response(error.status, error.detail, **error.extra)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        detail = str(error.detail)
        if error.status_code == HTTPStatus.NOT_FOUND:
            detail = f"Expected a path of the read API (see /openapi.json), but found {request.url.path}"
        elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            detail = (
                f"Expected GET or HEAD, but found {request.method}: the read API changes nothing, commands go "
                f"over Kafka"
            )
        return response(error.status_code, detail, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return response(
            HTTPStatus.BAD_REQUEST, f"Expected a valid {where}, but found {first.get('input')!r}: {first['msg']}"
        )
