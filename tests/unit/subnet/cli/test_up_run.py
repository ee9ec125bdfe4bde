"""What a run says of the wait before its neurons can do anything."""

from __future__ import annotations

import pytest

from assay.cli.task_options import ChosenTask
from assay.cli.up.run import _loading
from assay.neuron import MinerTask, ValidatorTask


class Heavy(MinerTask):
    preload = ("torch", "transformers", "transformers.models.llama")


class Light(ValidatorTask):
    pass


@pytest.mark.parametrize(
    ("halves", "told"),
    [((Heavy, Light), "; they load torch and transformers first"), ((Light,), "")],
)
def test_what_is_loaded_for_a_while_is_named(halves: tuple[type, ...], told: str) -> None:
    assert _loading(ChosenTask(halves, {})) == told
