"""Where the files of `infra/` are: inside the installed package, or in the checkout that it runs from."""

from __future__ import annotations

from pathlib import Path

from headrace.local.errors import LocalStackError

_PACKAGE = Path(__file__).resolve().parents[1]
_PLACES = (
    _PACKAGE / "infra",  # a wheel carries infra/kafka and infra/postgres here (pyproject: force-include)
    _PACKAGE.parents[1] / "infra",  # a checkout: libs/headrace/../../infra
)


def asset(name: str) -> Path:
    """The path of `infra/<name>`, for example `kafka/pom.xml`. Raises LocalStackError when it is in neither place."""
    for place in _PLACES:
        path = place / name
        if path.is_file():
            return path
    raise LocalStackError(
        f"Expected the file {name} in {' or '.join(str(place) for place in _PLACES)}, but it is in neither: "
        "the installation is incomplete. Install headrace again."
    )
