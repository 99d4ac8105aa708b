"""The report: one HTML file that needs nothing else, and that is either written whole or not at all."""

from __future__ import annotations

import platform
from html import escape
from pathlib import Path

from examples.census.figures import LENGTH_BINS, Function, Unparsable
from examples.census.plots import Bar, columns, horizontal_bars, running_at_once
from examples.census.summary import Package, Summary, peak

_BARS = 16


def write(path: Path, page: str) -> Path:
    """Write the page and return its absolute path. A reader sees the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished(path).write_text(page, encoding="utf-8")
    unfinished(path).replace(path)
    return path.absolute()


def unfinished(path: Path) -> Path:
    """Return where a report stands while it is being written."""
    return path.with_name(path.name + ".unfinished")


def render(summary: Summary, workflow: str) -> str:
    """Return the whole page."""
    total = summary["total"]
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Census of Python sources</title>
<style>
{style}</style>
<main>
<h1>{_count(total["lines"])} lines of Python, counted</h1>
<p class="soft"><code>{escape(total["package"])}</code>, parsed by Python {platform.python_version()},
counted by workflow <code>{escape(workflow)}</code></p>
{_tiles(summary)}
<div class="cards">
<div class="column">
{_lines_card(summary["packages"])}
{_docstrings_card(summary["packages"])}
</div>
<div class="column">
{_lengths_card(total["length_counts"])}
{_spans_card(summary["spans"])}
{_longest_card(summary["longest"])}
</div>
{_unparsable_card(summary["reasons"], total["unparsable"])}
{_packages_card(summary["packages"])}
</div>
</main>
</html>
"""


def _tiles(summary: Summary) -> str:
    total = summary["total"]
    tiles = [
        ("", _count(total["files"]), "files"),
        ("", _count(total["lines"]), "lines"),
        (
            "",
            _count(total["functions"]),
            f"functions, {_count(total['async_functions'])} of them async",
        ),
        ("", _count(total["classes"]), "classes"),
        ("", _share(total["documented"], total["documentable"]), "have a docstring"),
        (
            " warn" if total["unparsable"] else "",
            _count(total["unparsable"]),
            "files do not parse",
        ),
    ]
    return (
        '<div class="tiles">'
        + "".join(f'<div class="tile{name}"><b>{value}</b><span>{text}</span></div>' for name, value, text in tiles)
        + "</div>"
    )


def _lines_card(packages: list[Package]) -> str:
    shown, rest = packages[:_BARS], packages[_BARS:]
    bars = [
        Bar(
            label=p["name"],
            value=p["lines"],
            text=_count(p["lines"]),
            hint=f"{p['name']}: {_count(p['lines'])} lines in {_count(p['files'])} files, {p['parts']} parts",
        )
        for p in shown
    ]
    others = f" The other {len(rest)} have {_count(sum(p['lines'] for p in rest))} together." if rest else ""
    return _card(
        "Lines by package",
        f"The {len(shown)} largest.{others}",
        horizontal_bars("Lines by package", bars),
    )


def _lengths_card(counts: list[int]) -> str:
    lows = [1, *(end + 1 for end in LENGTH_BINS)]
    labels = [f"{low}-{end}" for low, end in zip(lows, LENGTH_BINS, strict=False)] + [f"> {LENGTH_BINS[-1]}"]
    bars = [
        Bar(
            label=label,
            value=number,
            text=_count(number),
            hint=f"{_count(number)} functions of {label} lines",
        )
        for label, number in zip(labels, counts, strict=True)
    ]
    return _card(
        "Length of functions",
        "How many functions have that many lines, from <code>def</code> to the last.",
        columns("Length of functions", bars, "lines"),
    )


def _spans_card(spans: list[tuple[int, int]]) -> str:
    return _card(
        "Parts measured at once",
        f"{_count(len(spans))} parts, {peak(spans)} at once at most: the resource <code>parser</code> sets the limit.",
        running_at_once("Parts measured at once", spans),
    )


def _docstrings_card(packages: list[Package]) -> str:
    shown = sorted(packages, key=lambda p: (-p["documentable"], p["name"]))[:_BARS]
    shown.sort(key=lambda p: (-p["documented"] / max(p["documentable"], 1), p["name"]))
    bars = [
        Bar(
            label=p["name"],
            value=100 * p["documented"] / max(p["documentable"], 1),
            text=_share(p["documented"], p["documentable"]),
            hint=f"{p['name']}: {_count(p['documented'])} of {_count(p['documentable'])}",
        )
        for p in shown
    ]
    return _card(
        "Docstring coverage",
        f"Modules, classes and functions with a docstring, in the {len(shown)} packages that have the most of them.",
        horizontal_bars("Docstring coverage", bars, full=100),
    )


def _longest_card(functions: list[Function]) -> str:
    rows = [
        f"<tr><td><code>{escape(f['name'])}</code></td><td><code>{escape(f['file'])}:{f['line']}</code></td>"
        f'<td class="number">{_count(f["lines"])}</td></tr>'
        for f in functions
    ]
    head = '<th>function</th><th>where</th><th class="number">lines</th>'
    return _card("Longest functions", "Decorators left out.", _table(head, rows))


def _unparsable_card(reasons: list[Unparsable], total: int) -> str:
    if not total:
        return _card("Files that do not parse", "None.", "", wide=True)
    more = f" The first {len(reasons)} of {_count(total)}." if len(reasons) < total else ""
    rows = [f"<tr><td><code>{escape(r['file'])}</code></td><td>{escape(r['reason'])}</td></tr>" for r in reasons]
    return _card(
        "Files that do not parse",
        f"Their lines are counted, their functions and classes cannot be.{more}",
        _table("<th>file</th><th>reason</th>", rows),
        wide=True,
    )


def _packages_card(packages: list[Package]) -> str:
    names = ("files", "lines", "functions", "classes", "unparsable", "parts")
    rows = [
        f"<tr><td><code>{escape(p['name'])}</code></td>"
        + "".join(f'<td class="number">{_count(value)}</td>' for value in _cells(p))
        + f'<td class="number">{_share(p["documented"], p["documentable"])}</td></tr>'
        for p in packages
    ]
    head = "<th>package</th>" + "".join(f'<th class="number">{name}</th>' for name in (*names, "docstrings"))
    return (
        f'<section class="card wide"><details><summary>All {_count(len(packages))} packages and modules</summary>'
        f"{_table(head, rows)}</details></section>"
    )


def _cells(package: Package) -> tuple[int, ...]:
    return (
        package["files"],
        package["lines"],
        package["functions"],
        package["classes"],
        package["unparsable"],
        package["parts"],
    )


def _card(title: str, text: str, body: str, *, wide: bool = False) -> str:
    return f'<section class="card{" wide" if wide else ""}"><h2>{title}</h2><p>{text}</p>{body}</section>'


def _table(head: str, rows: list[str]) -> str:
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _count(number: int) -> str:
    return f"{number:,}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"
