"""The tables, the views and their documentation agree."""

from __future__ import annotations

import re

import pytest

from headrace_status.api import listings
from headrace_status.api.listings import Listing
from headrace_status.fold.changes import FINAL_STATUSES
from headrace_status.model import names
from headrace_status.model.tables import STATUS
from headrace_status.model.views import VIEWS
from headrace_status.wiring import bind_address

LISTINGS = [value for value in vars(listings).values() if isinstance(value, Listing)]


def test_the_status_column_knows_every_code() -> None:
    assert {name: int(code) for code, name in re.findall(r"decided = (\d{3}) THEN '(\w+)'", STATUS)} == FINAL_STATUSES


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.name)
def test_a_list_shows_documented_columns_of_its_view(listing: Listing) -> None:
    (view,) = [view for view in VIEWS if view.name == listing.name]
    assert set(listing.shown) <= view.columns.keys()
    assert len(listing.order) == len(listing.key_kinds)
    assert not listing.time or listing.fields[listing.time] == "time"


@pytest.mark.parametrize("namespace", ["headrace", "my-cell", "Prod.EU", "1st", "x" * 100, "pg_x", "a_b"])
def test_schema_names_fit_postgres(namespace: str) -> None:
    for name in (names.view_schema(namespace), names.data_schema(namespace)):
        assert re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name)
        assert not name.startswith("pg_")


def test_schema_names_do_not_collide() -> None:
    assert names.view_schema("headrace") == "headrace"
    assert len({names.view_schema(name) for name in ("a-b", "a_b", "a.b", "A_b")}) == 4


def test_the_address_of_the_api() -> None:
    assert bind_address("http://127.0.0.1:8700") == ("127.0.0.1", 8700)
    assert bind_address("0.0.0.0:80") == ("0.0.0.0", 80)
    for wrong in ("https://x:1", "http://:1", "http://x:notaport"):
        with pytest.raises(ValueError, match="HEADRACE_API"):
            bind_address(wrong)
