"""Slips in a task's class, told where the class is written."""

from __future__ import annotations

import pytest

from assay.errors import UserError
from assay.neuron import MinerTask
from assay.neuron.task_shape import check_shape


def test_a_class_without_a_file_is_looked_at_as_far_as_it_can_be() -> None:
    """Such as one that was typed in, or made by a program."""
    made = type("Made", (MinerTask,), {"name": "made", "__module__": "builtins"})
    check_shape(made)
    wrong = type(
        "Wrong", (MinerTask,), {"__module__": "builtins", "may_put": lambda self, caller: None}
    )
    with pytest.raises(UserError, match=r"may_put takes .*, and is called with \(caller, size"):
        check_shape(wrong)
