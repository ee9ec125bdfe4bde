"""The changes that ``scripts/mutate`` makes, and the page that names those no test notices."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from scripts.mutation_changes import SURVIVORS, accepted, changes
from tests.tidy.sources import ROOT

TEXT = '''
class Door:
    @property
    def open(self) -> bool:
        """Not this."""
        assert self.hinges, "nor this"
        if self.locked and self.hour < 22:
            raise ValueError("nor these words", 7)
        return self.key("front", spare=True)
'''


def test_the_changes_are_faults_that_somebody_could_write() -> None:
    made = Counter((change.old, change.new) for change in changes("door.py", TEXT, "door.py"))
    condition = "if self.locked and self.hour < 22:"
    error = "raise ValueError('nor these words', 7)"
    result = "return self.key('front', spare=True)"
    assert made == {
        (condition, "if not (self.locked and self.hour < 22):"): 1,
        (condition, "if self.locked or self.hour < 22:"): 1,
        (condition, "if self.locked and self.hour <= 22:"): 1,
        (condition, "if self.locked and self.hour < 23:"): 1,
        (error, "pass"): 1,
        (error, "raise ValueError('nor these words', 8)"): 1,
        (result, "return None"): 1,
        (result, "return self.key('XXfront', spare=True)"): 1,
        (result, "return self.key('front', spare=False)"): 1,
        (result, "return self.key('front')"): 1,
    }


def test_a_change_is_the_changed_code_and_nothing_else() -> None:
    text = "def larger(a, b):\n    return a if a > b else b\n"
    found = set()
    for change in changes("m.py", text, "m.py"):

        def larger(a: int, b: int) -> int:
            raise NotImplementedError

        larger.__code__ = change.codes["larger", 1]
        found.add((change.new, larger(1, 2), larger(2, 2), larger(3, 2)))
    assert found == {
        ("return None", None, None, None),
        ("return b if a > b else a", 1, 2, 2),
        ("return a if a >= b else b", 2, 2, 3),
    }


def test_each_named_survivor_is_still_a_change_of_the_code() -> None:
    named = dict(accepted(SURVIVORS))
    assert all(named.values()), "each has a reason"
    made = {
        change.name
        for path in {name[0] for name in named}
        for change in changes(path, Path(ROOT, path).read_text(encoding="utf-8"), path)
    }
    assert not set(named) - made, "take these out of tests/mutation-survivors.md"
