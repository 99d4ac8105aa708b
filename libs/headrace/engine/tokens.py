"""Makes the tokens of callbacks, and tells those that this namespace has made from others."""

from __future__ import annotations

import hmac
from hashlib import sha256

from headrace.contracts.callback_tokens import (
    SIGNATURE_BYTES,
    CallbackStep,
    InvalidToken,
    read_token,
    write_token,
)


class Tokens:
    """Tokens under the secrets of a namespace: the first one signs, all of them verify."""

    def __init__(self, *secrets: bytes) -> None:
        assert secrets, "Expected at least one secret"
        self._secrets = secrets

    def mint(self, workflow_id: str, run_id: str, step: int) -> str:
        """Return the token of a step: the same one whenever a replay asks for it."""
        named = CallbackStep(workflow_id=workflow_id, run_id=run_id, step=step)
        return write_token(named, _signature(self._secrets[0], named))

    def read(self, token: str) -> CallbackStep:
        """Return the step that a token stands for.

        Raises:
            InvalidToken: it has not the form of one, or somebody else has made it.
        """
        step, signature = read_token(token)
        if not any(hmac.compare_digest(signature, _signature(secret, step)) for secret in self._secrets):
            raise InvalidToken(
                "Expected a token that this namespace has given out, but its signature is another; use the one that "
                "the workflow gave out"
            )
        return step


def _signature(secret: bytes, step: CallbackStep) -> bytes:
    return hmac.new(secret, step.text(), sha256).digest()[:SIGNATURE_BYTES]
