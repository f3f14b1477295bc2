"""Draw measured figures: lines over two logarithmic axes, as SVG that browsers show."""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10

Line = Sequence[tuple[float, float]]
WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 210, 40, 50
COLOURS = ("#b35806", "#2166ac", "#8c510a", "#01665e", "#762a83", "#1b7837")
DASHES = ("6 4", "", "2 3", "")


class Axis:
    """From whole powers of ten around the values to pixels."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.least, self.most = floor(log10(min(values))), max(ceil(log10(max(values))), 1)
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        share = (log10(value) - self.least) / max(self.most - self.least, 1)
        return round(self._start + share * (self._end - self._start), 1)

    def powers(self) -> list[int]:
        return [10**power for power in range(self.least, self.most + 1)]


def plot(title: str, across: str, up: str, lines: dict[str, Line]) -> str:
    """Every line has a name, and positive points from left to right."""
    points = [point for line in lines.values() for point in line]
    x = Axis([point[0] for point in points], LEFT, WIDTH - RIGHT)
    y = Axis([point[1] for point in points], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 22, title, size=14),
        *_grid(x, y),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, across, anchor="middle"),
        _text(LEFT - 8, TOP - 6, up, anchor="end"),
    ]
    for number, (name, line) in enumerate(lines.items()):
        parts += _line(x, y, number, name, line)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _grid(x: Axis, y: Axis) -> list[str]:
    drawn = []
    for value in x.powers():
        at = x.at(value)
        drawn.append(f'<path d="M{at} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        drawn.append(_text(at, HEIGHT - BOTTOM + 18, f"{value:,}", anchor="middle"))
    for value in y.powers():
        at = y.at(value)
        drawn.append(f'<path d="M{LEFT} {at}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        drawn.append(_text(LEFT - 8, at + 4, f"{value:,}", anchor="end"))
    return drawn


def _line(x: Axis, y: Axis, number: int, name: str, line: Line) -> list[str]:
    colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
    path = "L".join(f"{x.at(a)} {y.at(b)}" for a, b in line)
    style = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}" fill="none"'
    key = TOP + 20 * number
    return [
        f'<path d="M{path}" {style}/>',
        *(f'<circle cx="{x.at(a)}" cy="{y.at(b)}" r="3" fill="{colour}"/>' for a, b in line),
        f'<path d="M{WIDTH - RIGHT + 15} {key}h25" {style}/>',
        _text(WIDTH - RIGHT + 46, key + 4, name),
    ]


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'
