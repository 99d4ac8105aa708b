"""`http`: a request, as an async task. One that is answered by 202 is asked after until it is done."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from headrace.authoring.async_tasks import async_task
from headrace.authoring.outside import PENDING, Finished
from headrace.authoring.retry import NonRetryable

# More than any result may have; a download belongs into a file.
_LIMIT_BYTES = 8 * 1024 * 1024
_TIMEOUT_S = 30.0
_TRY_AGAIN = frozenset({408, 425, 429})


class HttpFailed(Exception):
    """The server could not answer; another try may help."""


class HttpRefused(NonRetryable):
    """The server refuses the request as it is."""


class Http:
    """Send a request; return `{"status", "headers", "body"}`, the body as JSON where it says that it is, else as text.

    The key of the attempt goes along as `Idempotency-Key`. A server that takes longer answers 202 with a
    `Location`, which is asked every second until it answers with something else; cancelled, it gets a DELETE.
    """

    async def submit(
        self,
        key: str,
        url: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        json: Any = None,
        text: str | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> Any:
        """Send the request."""
        sent = {"Idempotency-Key": key, **(headers or {})}
        content = text.encode() if text is not None else None
        if json is not None:
            content, sent = msgspec.json.encode(json), {"Content-Type": "application/json", **sent}
        response = await _request(method, url, sent, content, timeout_s)
        location = response["headers"].get("location")
        if response["status"] != 202 or not location:
            return Finished(_checked(response, url))
        where = urljoin(url, location)
        same = urlsplit(where)[:2] == urlsplit(url)[:2]  # what proves who we are is for this server only
        return {"url": where, "headers": (headers or {}) if same else {}}

    async def poll(self, handle: dict[str, Any]) -> Any:
        """Ask whether it is done. While nobody answers, the work may go on: the task's time-out bounds that."""
        try:
            response = await _request("GET", handle["url"], handle["headers"], None, _TIMEOUT_S)
        except httpx.TransportError:
            return PENDING
        if response["status"] == 202 or response["status"] in _TRY_AGAIN or response["status"] >= 500:
            return PENDING
        return _checked(response, handle["url"])

    async def cancel(self, handle: dict[str, Any]) -> None:
        """Ask the server to end it; one that does not know how says so, and that is all."""
        await _request("DELETE", handle["url"], handle["headers"], None, _TIMEOUT_S)


async def _request(
    method: str, url: str, headers: dict[str, str], content: bytes | None, timeout_s: float
) -> dict[str, Any]:
    async with (
        httpx.AsyncClient(verify=_trusted(), timeout=timeout_s, follow_redirects=True) as client,
        client.stream(method, url, headers=headers, content=content) as response,
    ):
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > _LIMIT_BYTES:
                raise HttpRefused(f"Expected at most {_LIMIT_BYTES} bytes from {url}, but it sends more")
        text = body.decode(response.encoding or "utf-8", "replace")
        is_json = "json" in response.headers.get("content-type", "") and text
        try:
            value = msgspec.json.decode(text) if is_json else text
        except msgspec.DecodeError:
            value = text
        return {"status": response.status_code, "headers": dict(response.headers), "body": value}


def _checked(response: dict[str, Any], url: str) -> dict[str, Any]:
    status = response["status"]
    if status < 400:
        return response
    message = f"Expected {url} to answer with success, but found {status}: {str(response['body'])[:1_000]}"
    raise HttpFailed(message) if status in _TRY_AGAIN or status >= 500 else HttpRefused(message)


@cache
def _trusted() -> ssl.SSLContext:
    """Return the trusted authorities; reading them costs more than most requests."""
    return ssl.create_default_context()


http_task = async_task(name="http", poll_every="1s", version="1")(Http)
