"""Asks the read API, and says in our own terms when it does not answer."""

from __future__ import annotations

from typing import Any

import httpx

from headrace.client.errors import NotReachable
from headrace.client.reads import END_S, FRESH_S, Question, problem
from headrace.payloads.reveal import revealed
from headrace.runtime.payloads import sealing_for
from headrace.runtime.settings import Settings

# Answers take milliseconds; beyond what a question may wait for freshness, this is for a machine that is busy.
MARGIN_S = 10.0


def timeouts(settings: Settings) -> dict[str, Any]:
    """Return what both kinds of HTTP client are made with."""
    return {
        "base_url": settings.api.rstrip("/"),
        "timeout": httpx.Timeout(FRESH_S + END_S + MARGIN_S, connect=MARGIN_S),
    }


def answer_of(response: httpx.Response, what: str) -> Any:
    """Return the JSON of an answer.

    Raises:
        ClientError: its status is not 200, or it is no JSON.
    """
    try:
        body = response.json()
    except ValueError:
        body = None
    if response.status_code != httpx.codes.OK:
        raise problem(response.status_code, body, what)
    if body is None:
        raise NotReachable(
            f"Expected JSON from the read API at {response.url}, but found something else; is it headrace's?"
        )
    return body


def unreachable(settings: Settings, error: Exception) -> NotReachable:
    """Return what to say when the read API cannot be asked."""
    return NotReachable(
        f"Expected the read API at {settings.api} to answer, but {type(error).__name__}: {error}; check that the "
        "status service runs, or set HEADRACE_API"
    )


class ReadApi:
    """The read API, asked one question after the other. What is sealed in its answers is opened here, with the keys of
    this process.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sealing = sealing_for(settings)
        self._http = httpx.Client(**timeouts(settings))

    def ask(self, question: Question, what: str) -> Any:
        """Return the answer to a question.

        Raises:
            NotReachable: nobody answered, or not as fresh as asked for.
            ClientError: the answer is an error; see `reads.problem`.
        """
        path, parameters = question
        try:
            response = self._http.get(path, params=parameters)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(self._settings, error) from error
        return revealed(answer_of(response, what), self._sealing)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class AsyncReadApi:
    """The read API for asyncio."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sealing = sealing_for(settings)
        self._http = httpx.AsyncClient(**timeouts(settings))

    async def ask(self, question: Question, what: str) -> Any:
        """Return the answer to a question; raises as `ReadApi.ask` does."""
        path, parameters = question
        try:
            response = await self._http.get(path, params=parameters)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(self._settings, error) from error
        return revealed(answer_of(response, what), self._sealing)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
