"""The plots of the report as inline SVG. Layer: faces. Numbers and names in, markup out; the colours are the page's.

Each is drawn 360 units wide, the width of a phone, and grows with its column. Everything that is text is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_WIDTH = 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 12, 40
_SIDE = _WIDTH - _LEFT - _RIGHT
_ROW, _LABEL, _BAR = 26, 118, 150
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a bar chart, between 0 and 1 of the scale; `low` and `high` are its interval, or the same."""

    label: str
    value: float
    low: float
    high: float
    shown: str


def _svg(height: float, title: str, body: Sequence[str]) -> Markup:
    opening = f'<svg viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-label="{escape(title)}">'
    return Markup(f"{opening}<title>{escape(title)}</title>{''.join(body)}</svg>")


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def bars(title: str, rows: Sequence[Bar]) -> Markup:
    """Horizontal bars with their intervals as whiskers."""
    body = []
    for i, row in enumerate(rows):
        y = i * _ROW + 4
        middle = y + (_ROW - 8) / 2
        body.append(_text(_LABEL - 8, middle + 4, row.label, anchor="end"))
        body.append(f'<rect x="{_LABEL}" y="{y}" width="{_BAR}" height="{_ROW - 8}" class="track"/>')
        width = _BAR * row.value
        body.append(f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="{_ROW - 8}" class="bar"/>')
        if row.high > row.low:
            body.append(_line(_LABEL + _BAR * row.low, middle, _LABEL + _BAR * row.high, middle, "whisker"))
        body.append(_text(_LABEL + _BAR + 8, middle + 4, row.shown, "number"))
    return _svg(len(rows) * _ROW + 4, title, body)


def _frame(across: str, up: str) -> list[str]:
    """A square from 0 to 1 with its ticks and names."""
    bottom = _TOP + _SIDE
    body = []
    for tick in _TICKS:
        x, y = _LEFT + tick * _SIDE, bottom - tick * _SIDE
        body += [_line(x, _TOP, x, bottom, "grid"), _line(_LEFT, y, _LEFT + _SIDE, y, "grid")]
        body += [_text(x, bottom + 15, f"{tick:g}", "number", "middle")]
        body += [_text(_LEFT - 6, y + 4, f"{tick:g}", "number", "end")]
    body.append(_text(_LEFT + _SIDE / 2, bottom + 33, across, "axis", "middle"))
    middle = _TOP + _SIDE / 2
    turned = _text(12, middle, up, "axis", "middle").replace("<text ", f'<text transform="rotate(-90 12 {middle:g})" ')
    return [*body, turned]


def _at(point: tuple[float, float]) -> tuple[float, float]:
    return _LEFT + point[0] * _SIDE, _TOP + _SIDE - point[1] * _SIDE


def risk_coverage(points: Sequence[tuple[float, float]], here: tuple[float, float] | None) -> Markup:
    """The share of wrong answers as more questions are answered, the surest first; `here` is where the run stood."""
    body = _frame("coverage: share of questions answered", "risk: share of these wrong")
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(_at, points))
    body.append(f'<polyline points="{path}" class="curve"/>')
    if here:
        x, y = _at(here)
        body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="dot"/>')
        beside = (x - 9, "end") if here[0] > 0.5 else (x + 9, "start")
        body.append(_text(beside[0], y - 9, "this run", "note", beside[1]))
    return _svg(_TOP + _SIDE + _BOTTOM, "Risk-coverage curve", body)


def reliability(bins: Sequence[tuple[float, float, int]]) -> Markup:
    """What the refusal model believed against what was so; on the diagonal it is honest. Area: how many questions."""
    body = _frame("probability the model gave", "share that was answerable")
    body.append(_line(*_at((0, 0)), *_at((1, 1)), "diagonal"))
    most = max((count for _, _, count in bins), default=1)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_at((p, share)) for p, share, _ in bins))
    body.append(f'<polyline points="{path}" class="curve"/>')
    for probability, share, count in bins:
        x, y = _at((probability, share))
        radius = 3 + 7 * (count / most) ** 0.5
        body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" class="dot"><title>{count}</title></circle>')
    return _svg(_TOP + _SIDE + _BOTTOM, "Reliability diagram", body)
