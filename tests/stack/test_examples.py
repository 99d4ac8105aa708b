"""The examples that are one command each, played on one stack: what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from examples.stage import Stage
from headrace import Client
from headrace.local.dev_child import DevStack, running_dev

EXAMPLES = ("approval", "billing", "orders", "provisioning", "welcome")
SAID = {
    "approval": [
        r"lunch-t: paid 900 cents for lunch-t",
        r"ada did not answer in time; grace says yes",
        r"desk-t: paid 90000 cents for desk-t",
    ],
    "billing": [
        r"next times: .*T0[12]:00:00.000Z, .*",
        r"started by hand: billing-.*",
        r"20..-..: 500 customers, 647000 cents",
    ],
    "orders": [
        r"order-t: \{'payment': 'payment-order-t', 'parcels': \['track-order-t-1', 'track-order-t-2'\]\}",
        r"odd-order-t: .*FAILED.*no unicorn in stock",
        r"undone: refund",
    ],
    "provisioning": [
        r"blog-t: \{'server': 'server-blog', 'address': '10.0.0.11'\}",
        r"broken-t: .*FAILED.*server-broken does not boot",
        r"taken down, in this order: server-broken, disk-broken, network-broken",
    ],
    "welcome": [
        r"grace-t: \{'sent': \['welcome', 'thank-you'\], 'done': \['opened', 'bought'\]\}",
        r"ada-t: \{'sent': \['welcome', 'first-steps', 'tips', 'success-stories', 'offer'\], 'done': \[\]\}",
    ],
}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Listening(Stage):
    """A stage that keeps what is said."""

    def __init__(self, client: Client, api: str) -> None:
        super().__init__(client, api, "t")
        self.said: list[str] = []

    def say(self, line: str) -> None:
        self.said.append(line)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevStack]:
    base = tmp_path_factory.mktemp("examples")
    outside = {"APPROVAL_INBOX": str(base), "PROVISIONING_CLOUD": str(base)}
    apps = [f"examples.{name}.{name}" for name in EXAMPLES]
    with running_dev(base / "state", apps=apps, environment=outside) as stack:
        yield stack


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_what_it_should(name: str, running: DevStack, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "approval":
        inbox = Path(running.state.root).parent / "approvals"
        monkeypatch.setattr(import_module("examples.approval.approval"), "INBOX", inbox)
    with Client(running.settings()) as client:
        stage = Listening(client, running.api)
        import_module(f"examples.{name}.__main__").play(stage)
    said = [line for line in stage.said if not line.startswith("  ")]
    assert len(said) == len(SAID[name]), said
    for line, expected in zip(said, SAID[name], strict=True):
        assert re.fullmatch(expected, line), line
