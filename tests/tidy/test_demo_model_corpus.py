"""What the demo model is measured on has no copy among what it learns from."""

from __future__ import annotations

import pytest

pytest.importorskip("tokenizers")

from scripts.demo_model_corpus import PACKAGES, PASSAGES_SHARED_MAX, apart
from tests.tidy.sources import ROOT

LICENCE = "\n".join(f"# licence, line {i}" for i in range(PASSAGES_SHARED_MAX + 4))
HELD_OUT = LICENCE + "\n".join(f"    step_{i}(a, b)" for i in range(40))


def test_a_copy_is_left_out_however_it_is_indented_and_wherever_it_lies() -> None:
    copied = "\n\n".join(line.strip() for line in HELD_OUT.splitlines()[15:30])
    inside = "import os\n\nclass Other:\n" + copied + "\n\ndef own():\n    return 1\n"
    assert apart([("vendored.py", inside)], [HELD_OUT]) == ([], ["vendored.py"])


def test_the_same_licence_above_other_code_stays() -> None:
    other = LICENCE + "\n".join(f"    other_{i}(c)" for i in range(40))
    assert apart([("other.py", other)], [HELD_OUT]) == ([other], [])


def test_a_few_equal_lines_stay() -> None:
    few = "\n".join(HELD_OUT.splitlines()[-8:])
    assert apart([("few.py", few)], [HELD_OUT]) == ([few], [])


def test_nothing_is_too_small_to_be_read() -> None:
    assert apart([("one.py", "import os")], ["import os"]) == (["import os"], [])


def test_every_package_of_the_recipe_is_one_that_the_project_installs() -> None:
    locked = (ROOT / "requirements" / "dev.txt").read_text().lower().splitlines()
    names = {line.split("==")[0] for line in locked if "==" in line}
    assert set(PACKAGES) <= names
