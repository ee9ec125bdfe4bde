"""A loss curve: kept as it grows, drawn in a terminal and as a picture.

In come windows and losses; out come lines for a terminal, and an SVG that any browser shows. What
was measured stays in a file, one JSON document a line, so that a later look adds to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from assay.files import read_limited, write_atomic

POINTS_MAX: Final = 100_000
"""A measured window takes 30 bytes."""
FILE_BYTES_MAX: Final = 2**23
COLUMNS: Final = 60
ROWS: Final = 10
"""Of the curve in a terminal: with its labels it fits eighty columns."""
_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
WIDTH, HEIGHT, MARGIN = 720, 360, 56
"""Of the picture, in pixels."""


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The held-out loss of the state that ``window`` begins from, in nats a token."""

    window: Annotated[int, Meta(ge=0)]
    loss: float


class CurveFile:
    """The points in the file at ``path``, by window."""

    def __init__(self, path: Path) -> None:
        """A file that cannot be read holds no points: they are measured again."""
        self._path = path
        self._points: dict[int, Point] = {}
        raw = read_limited(path, FILE_BYTES_MAX) or b""
        for line in raw.splitlines()[:POINTS_MAX]:
            try:
                self.add(msgspec.json.decode(line, type=Point))
            except msgspec.MsgspecError:
                continue

    def add(self, point: Point) -> None:
        """Take ``point`` in; ``save`` writes it down."""
        self._points[point.window] = point

    @property
    def points(self) -> list[Point]:
        """All points, by window."""
        return [self._points[window] for window in sorted(self._points)]

    def save(self) -> None:
        """Write all points down; Unavailable if the disk is full."""
        lines = b"".join(msgspec.json.encode(point) + b"\n" for point in self.points[-POINTS_MAX:])
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self._path, lines)


def terminal(points: Sequence[Point]) -> str:
    """Return the curve of at least one point as lines of text, the loss on the left."""
    losses = _resampled(points, COLUMNS)
    low, high = min(losses), max(losses)
    span = (high - low) or 1.0
    heights = [(loss - low) / span * (ROWS * 8 - 1) + 1 for loss in losses]
    lines = []
    for row in range(ROWS - 1, -1, -1):
        label = f"{low + span * row / (ROWS - 1):7.3f} " if row in (0, ROWS - 1) else " " * 8
        cells = (_BLOCKS[max(0, min(8, round(height - row * 8)))] for height in heights)
        lines.append((label + "".join(cells)).rstrip())
    first, last = str(points[0].window), str(points[-1].window)
    lines.append(" " * 8 + first + " " * max(1, len(losses) - len(first) - len(last)) + last)
    return "\n".join(lines)


def svg(points: Sequence[Point], title: str) -> str:
    """Return the curve of at least one point as a picture with ``title``."""
    from xml.sax.saxutils import escape

    low, high = min(p.loss for p in points), max(p.loss for p in points)
    span, last = (high - low) or 1.0, max(points[-1].window, 1)

    def place(point: Point) -> tuple[float, float]:
        x = MARGIN + (WIDTH - 2 * MARGIN) * point.window / last
        return x, HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (point.loss - low) / span

    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, points))
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in map(place, points[:500])
    )
    grid, labels = [], []
    for part in range(5):
        loss = low + span * part / 4
        y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * part / 4
        grid.append(f'<path d="M{MARGIN} {y:.1f}H{WIDTH - MARGIN}"/>')
        labels.append(f'<text x="{MARGIN - 8}" y="{y + 4:.1f}" text-anchor="end">{loss:.2f}</text>')
    for window in sorted({round(last * part / 4) for part in range(5)}):
        x = MARGIN + (WIDTH - 2 * MARGIN) * window / last
        labels.append(
            f'<text x="{x:.1f}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{window}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        ' font-family="system-ui, sans-serif" font-size="12" fill="#444">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f'<text x="{MARGIN}" y="28" font-size="15" fill="#111">{escape(title)}</text>'
        f'<g stroke="#ddd">{"".join(grid)}</g>{"".join(labels)}'
        f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - 14}" text-anchor="end">window</text>'
        f'<polyline points="{line}" fill="none" stroke="#1668b8" stroke-width="2"/>'
        f'<g fill="#1668b8">{dots}</g></svg>\n'
    )


def _resampled(points: Sequence[Point], columns: int) -> list[float]:
    """Return at most ``columns`` losses, evenly spread over the windows: the last one measured by
    then."""
    first, last = points[0].window, points[-1].window
    count = max(1, min(columns, last - first + 1))
    found, at = [], 0
    for column in range(count):
        window = last if count == 1 else first + (last - first) * column / (count - 1)
        while at + 1 < len(points) and points[at + 1].window <= window:
            at += 1
        found.append(points[at].loss)
    return found
