"""Plots as inline SVG: no library; the colours are the style sheet's, so that they follow light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

_WIDTH = 520
_LABEL_WIDTH = 118
_VALUE_WIDTH = 64
_ROW_HEIGHT = 24
_BAR_HEIGHT = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: `text` stands at its end, `hint` appears under the pointer."""

    label: str
    value: float
    text: str
    hint: str = ""


def horizontal_bars(title: str, bars: list[Bar], *, full: float | None = None) -> str:
    """Return bars under one another. With `full` each runs on a track of that length, else the longest fills it."""
    scale = full or max((bar.value for bar in bars), default=0) or 1
    room = _WIDTH - _LABEL_WIDTH - _VALUE_WIDTH
    rows = []
    for number, bar in enumerate(bars):
        y = number * _ROW_HEIGHT
        middle = y + _ROW_HEIGHT / 2
        length = room * bar.value / scale
        track = _bar_path(_LABEL_WIDTH, middle, room, "track") if full else ""
        end = _LABEL_WIDTH + (room if full else length)
        rows.append(
            f"<g><title>{escape(bar.hint or bar.label)}</title>"
            f'<rect class="hover" x="0" y="{y}" width="{_WIDTH}" height="{_ROW_HEIGHT}"/>'
            f'<text class="label" x="{_LABEL_WIDTH - 10}" y="{middle:.1f}" text-anchor="end">{escape(bar.label)}</text>'
            f"{track}{_bar_path(_LABEL_WIDTH, middle, length, 'bar')}"
            f'<text class="value" x="{end + 8:.1f}" y="{middle:.1f}">{escape(bar.text)}</text></g>'
        )
    return _svg(title, len(bars) * _ROW_HEIGHT, "".join(rows))


def _bar_path(x: float, middle: float, length: float, name: str) -> str:
    """Return a bar that is square at its foot, where it stands on the axis, and round at its end."""
    if length <= 0:
        return ""
    radius = min(4.0, length)
    top = middle - _BAR_HEIGHT / 2
    return (
        f'<path class="{name}" d="M{x} {top:.1f}h{length - radius:.1f}a{radius:.1f} {radius:.1f} 0 0 1 {radius:.1f} '
        f"{radius:.1f}v{_BAR_HEIGHT - 2 * radius:.1f}a{radius:.1f} {radius:.1f} 0 0 1 -{radius:.1f} {radius:.1f}"
        f'h-{length - radius:.1f}z"/>'
    )


def columns(title: str, bars: list[Bar], axis: str) -> str:
    """Return bars beside one another, with the value on top, the label below, and what the labels mean under them."""
    height, top, foot = 230, 24, 44
    highest = max((bar.value for bar in bars), default=0) or 1
    slot = _WIDTH / max(len(bars), 1)
    parts = [f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{height - foot + 0.5}" y2="{height - foot + 0.5}"/>']
    for number, bar in enumerate(bars):
        x = number * slot
        rise = (height - top - foot) * bar.value / highest
        radius = min(4.0, rise)
        width = slot * 0.66
        centre = x + slot / 2
        shape = (
            f'<path class="bar" d="M{centre - width / 2:.1f} {height - foot}v-{rise - radius:.1f}'
            f"a{radius:.1f} {radius:.1f} 0 0 1 {radius:.1f} -{radius:.1f}h{width - 2 * radius:.1f}"
            f'a{radius:.1f} {radius:.1f} 0 0 1 {radius:.1f} {radius:.1f}v{rise - radius:.1f}z"/>'
            if rise > 0
            else ""
        )
        parts.append(
            f"<g><title>{escape(bar.hint or bar.label)}</title>"
            f'<rect class="hover" x="{x:.1f}" y="0" width="{slot:.1f}" height="{height - foot}"/>{shape}'
            f'<text class="value" x="{centre:.1f}" y="{height - foot - rise - 10:.1f}" text-anchor="middle">'
            f"{escape(bar.text)}</text>"
            f'<text class="label" x="{centre:.1f}" y="{height - foot + 14}" text-anchor="middle">'
            f"{escape(bar.label)}</text></g>"
        )
    parts.append(f'<text x="{_WIDTH / 2}" y="{height - 8}" text-anchor="middle">{escape(axis)}</text>')
    return _svg(title, height, "".join(parts))


def running_at_once(title: str, spans: list[tuple[int, int]]) -> str:
    """Return how many of the spans (start and end in ms) ran at each moment, as a stepped area over seconds."""
    height, top, foot, left = 190, 12, 40, 28
    end = max((stop for _, stop in spans), default=0) or 1
    steps = _steps(spans)
    most = max((running for _, running in steps), default=0) or 1

    def x(at: float) -> float:
        return left + (_WIDTH - left - 6) * at / end

    def y(running: float) -> float:
        return height - foot - (height - top - foot) * running / most

    grid = "".join(
        f'<line class="grid" x1="{left}" x2="{_WIDTH}" y1="{y(n):.1f}" y2="{y(n):.1f}"/>'
        f'<text class="label" x="{left - 10}" y="{y(n):.1f}" text-anchor="end">{n}</text>'
        for n in range(0, most + 1, max(1, most // 6))
    )
    line = f"M{x(0):.1f} {y(0):.1f}" + "".join(f"H{x(at):.1f}V{y(running):.1f}" for at, running in steps)
    ticks = "".join(
        f'<text class="label" x="{x(at * 1000):.1f}" y="{height - foot + 15}" text-anchor="middle">{at}</text>'
        for at in range(0, end // 1000 + 1, _tick_step(end // 1000))
    )
    note = f'<text x="{_WIDTH / 2}" y="{height - 6}" text-anchor="middle">seconds since the first began</text>'
    area = f'<path class="area" d="{line}Z"/><path class="line" d="{line}"/>'
    return _svg(title, height, grid + area + ticks + note)


def _steps(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return how many spans run from each moment on where that changes, in order of time."""
    changes: dict[int, int] = {}
    for start, stop in spans:
        changes[start] = changes.get(start, 0) + 1
        changes[stop] = changes.get(stop, 0) - 1
    running = 0
    steps = []
    for at in sorted(changes):
        running += changes[at]
        steps.append((at, running))
    return steps


def _tick_step(seconds: int) -> int:
    """Return a round distance that makes at most about ten ticks."""
    return next(
        (step for step in (1, 2, 5, 10, 15, 30, 60, 120, 300) if seconds <= 10 * step),
        600,
    )


def _svg(title: str, height: int, body: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )
