r"""Tokens of callbacks: text that names a step of a run, and a signature that only its namespace can make.

    base64url, without padding, of: format (1), signature (16 bytes), "STEP\nRUN ID\nWORKFLOW ID" as UTF-8

Whoever holds a token can read what it names, so a client knows where to send it; whether the signature is right is the
decision service's to tell.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

_FORMAT = b"\x01"
SIGNATURE_BYTES = 16
_HEAD = 1 + SIGNATURE_BYTES
MAX_TOKEN = 1_000
"""Characters. Ids have 200 at most, so that no real one is longer."""


class InvalidToken(ValueError):
    """A text that is no token of a callback; the message says what is wrong with it."""


class CallbackStep(msgspec.Struct, frozen=True, kw_only=True):
    """The step that a token names."""

    workflow_id: str
    run_id: str
    step: int

    def text(self) -> bytes:
        """Return what is signed."""
        return f"{self.step}\n{self.run_id}\n{self.workflow_id}".encode("utf-8", "surrogatepass")


def write_token(step: CallbackStep, signature: bytes) -> str:
    """Return the token of a step with its signature."""
    assert len(signature) == SIGNATURE_BYTES
    return base64.urlsafe_b64encode(_FORMAT + signature + step.text()).rstrip(b"=").decode("ascii")


def read_token(token: str) -> tuple[CallbackStep, bytes]:
    """Return the step that a token names, and the signature that it bears.

    Raises:
        InvalidToken: the text has not the form of a token.
    """
    if not token or len(token) > MAX_TOKEN:
        raise _invalid(f"{len(token)} characters")
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        number, run_id, workflow_id = data[_HEAD:].decode("utf-8", "surrogatepass").split("\n")
        step = CallbackStep(workflow_id=workflow_id, run_id=run_id, step=int(number))
    except (binascii.Error, ValueError):
        raise _invalid("something else") from None
    signature = data[1:_HEAD]
    # One callback has one token: other ways to write the same bytes are none.
    if data[:1] != _FORMAT or write_token(step, signature) != token:
        raise _invalid("something else")
    return step, signature


def _invalid(found: str) -> InvalidToken:
    return InvalidToken(
        f"Expected the token of a callback, as the workflow gave it out, but found {found}; copy it whole"
    )
