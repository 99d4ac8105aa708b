"""What the census counts, and that an independent count agrees."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from examples.census.count import count
from examples.census.figures import LENGTH_BINS, add_file, empty_measures, measure_part
from examples.census.sources import package_of, share_out, source_files
from examples.census.summary import MeasuredPart, Summary, peak, summarise_parts
from tests.unit.examples.sources_tree import COUNTED, FILES, UNPARSABLE, make_tree

FIGURES = ("files", "lines", "functions", "classes", "unparsable")


def census(root: Path, part_bytes: int) -> Summary:
    parts = share_out(list(source_files(root)), part_bytes)
    return summarise_parts(
        str(root),
        [
            MeasuredPart(
                part=part["part"],
                parts=part["parts"],
                measures=measure_part(root, part),
                started_at=number,
                ended_at=number + 1,
            )
            for number, part in enumerate(parts)
        ],
    )


@pytest.mark.parametrize("part_bytes", [1, 30, 200, 1_000_000])
def test_the_figures_equal_an_independent_count_however_it_is_shared_out(tmp_path: Path, part_bytes: int) -> None:
    total = census(make_tree(tmp_path), part_bytes)["total"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = count(tmp_path)
    assert {name: total[name] for name in FIGURES} == expected  # type: ignore[literal-required]
    assert expected["files"] == len(COUNTED)
    assert expected["unparsable"] == len(UNPARSABLE)
    assert expected["functions"] == 5
    assert expected["classes"] == 2
    assert expected["lines"] == sum(len(FILES[name].splitlines()) for name in COUNTED)


def test_every_source_file_is_in_exactly_one_part(tmp_path: Path) -> None:
    files = list(source_files(make_tree(tmp_path)))
    for part_bytes in (1, 50, 10_000):
        parts = share_out(files, part_bytes)
        assert sorted(name for part in parts for name in part["files"]) == sorted(COUNTED)
        assert all(package_of(name) == part["package"] for part in parts for name in part["files"])
        numbers = [(part["package"], part["part"]) for part in parts]
        assert len(set(numbers)) == len(numbers)
        assert all(1 <= part["part"] <= part["parts"] for part in parts)


def test_only_big_packages_are_split() -> None:
    parts = share_out([("big/a.py", 60), ("big/b.py", 60), ("big/c.py", 40), ("small/a.py", 1), ("huge.py", 900)], 100)
    assert [(part["package"], part["part"], part["parts"], part["files"]) for part in parts] == [
        ("big", 1, 2, ["big/a.py"]),
        ("big", 2, 2, ["big/b.py", "big/c.py"]),
        ("small", 1, 1, ["small/a.py"]),
        ("huge", 1, 1, ["huge.py"]),
    ]


def test_a_root_that_is_no_folder_is_an_error_and_not_an_empty_census(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="nowhere"):
        list(source_files(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="found none"):
        summarise_parts(str(tmp_path), [])


@pytest.mark.parametrize(
    ("lines", "column"), [(1, 0), (2, 0), (3, 1), (5, 1), (6, 2), (200, len(LENGTH_BINS) - 1), (201, len(LENGTH_BINS))]
)
def test_function_lengths_fall_into_their_columns(lines: int, column: int) -> None:
    measures = empty_measures("p")
    body = b"    x = 1\n" * (lines - 1) if lines > 1 else b""
    add_file(measures, "p/a.py", b"@decorated\ndef f():" + (b"\n" + body if body else b" pass\n"))
    assert [number for number, found in enumerate(measures["length_counts"]) if found] == [column]
    assert measures["longest"] == [{"name": "f", "file": "p/a.py", "line": 2, "lines": lines}]


def test_docstrings_count_for_modules_classes_and_functions() -> None:
    measures = empty_measures("p")
    add_file(
        measures, "p/a.py", b'"""M."""\nclass A:\n    """C."""\n    def f(self): "D."\n    async def g(self): pass\n'
    )
    assert (measures["documentable"], measures["documented"]) == (4, 3)
    assert measures["async_functions"] == 1


def test_parsing_in_many_threads_warns_nobody(tmp_path: Path) -> None:
    def parse(_: int) -> int:
        measures = empty_measures("p")
        add_file(measures, "warns.py", b'x = "\\d"\ny = 1 is 1\n')
        return measures["unparsable"]

    with warnings.catch_warnings(), ThreadPoolExecutor(8) as threads:
        warnings.simplefilter("error")
        assert sum(threads.map(parse, range(400))) == 0


@pytest.mark.parametrize(
    ("spans", "most"),
    [([], 0), ([(0, 5)], 1), ([(0, 5), (5, 9)], 1), ([(0, 5), (4, 9), (4, 6)], 3), ([(3, 3), (0, 9)], 1)],
)
def test_the_peak_is_how_many_ran_at_one_moment(spans: list[tuple[int, int]], most: int) -> None:
    assert peak(spans) == most
