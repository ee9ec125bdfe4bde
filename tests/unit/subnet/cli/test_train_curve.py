"""A loss curve: what is kept, and what a person sees of it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from assay.cli.train.curve import COLUMNS, CurveFile, Point, svg, terminal

LOSSES = st.floats(0.1, 12.0)
POINTS = st.dictionaries(st.integers(0, 5_000), LOSSES, min_size=1, max_size=80).map(
    lambda found: [Point(window, loss) for window, loss in sorted(found.items())]
)


def test_what_is_measured_stays_and_a_damaged_line_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "losses.jsonl"
    curve = CurveFile(path)
    for point in (Point(4, 2.0), Point(0, 8.0), Point(4, 1.5)):
        curve.add(point)
    curve.save()
    assert CurveFile(path).points == [Point(0, 8.0), Point(4, 1.5)]
    path.write_bytes(b"\xff\n" + path.read_bytes() + b'{"window":-1,"loss":1}\n{"window":5')
    assert CurveFile(path).points == [Point(0, 8.0), Point(4, 1.5)]
    assert CurveFile(tmp_path / "nosuch").points == []


@given(POINTS)
def test_it_fits_a_terminal_of_eighty_columns_and_a_picture_is_one(points: list[Point]) -> None:
    lines = terminal(points).splitlines()
    assert max(map(len, lines)) < 80
    assert len(lines) > 5
    picture = ElementTree.fromstring(svg(points, "run <1> & more"))
    line = next(each for each in picture.iter() if each.tag.endswith("polyline"))
    assert len(line.attrib["points"].split()) == len(points)
    assert any(each.text == "run <1> & more" for each in picture.iter())


def test_a_falling_loss_falls_from_left_to_right() -> None:
    points = [Point(window, 8.0 - window / 20) for window in range(100)]
    lines = terminal(points).splitlines()
    assert lines[0].lstrip().startswith("8.000")
    filled = [len(line) - 8 for line in lines[:-1]]
    assert filled == sorted(filled), "each lower row reaches further to the right"
    assert filled[0] < COLUMNS / 5
    assert filled[-1] == COLUMNS
    assert lines[-1].split() == ["0", "99"]
