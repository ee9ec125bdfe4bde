"""What neurons of a run ask each other, beside objects. Pure.

The chain names a state by the beginning of its hash, and the run by its manifest's object; objects
are named by roots of their own. ``state`` leads from the one to the other, and ``source`` from a
run's name to the files that a newcomer needs; ``step`` asks a miner whose window is disputed for
its own state after one of the steps. What is answered is a claim: whoever fetches the objects
checks them by the hashes that the chain, the manifest and the miner's seal have.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from assay.protocol.training.records import STATE_BYTES, WINDOW_MAX
from assay.protocol.training.seal import STEPS_MAX, Hash
from assay.wire.synapse import Synapse

NAME: Final = "training"
"""The task, and the path that its methods lie under."""
STATE: Final = "state"
SOURCE: Final = "source"
STEP: Final = "step"
FILES_MAX: Final = 1_024
"""Of a run: a model of a thousand files in shards, its tokenizer, and a corpus of three files."""
FILE_BYTES_MAX: Final = 2**40


class WhichState(Synapse, frozen=True):
    """Which object holds the state whose hash begins so?"""

    state: Annotated[bytes, Meta(min_length=STATE_BYTES, max_length=STATE_BYTES)]


class StateHeld(Synapse, frozen=True):
    """The object's root; None if this neuron does not hold the state."""

    root: Hash | None


class WhichStep(Synapse, frozen=True):
    """Which object holds the state after this step, counted from 1, of your window?"""

    window: Annotated[int, Meta(ge=0, le=WINDOW_MAX)]
    step: Annotated[int, Meta(ge=1, le=STEPS_MAX)]


class StepHeld(Synapse, frozen=True):
    """The object's root; None if this miner cannot give the state, or not now."""

    root: Hash | None


class WhichFiles(Synapse, frozen=True):
    """Which objects hold the files of this run?"""

    run: Hash


class RunFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a run: its name within the run's folder, and the object that holds it."""

    name: Annotated[str, Meta(pattern=r"^((model|corpus)/)?[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    root: Hash
    size_bytes: Annotated[int, Meta(ge=0, le=FILE_BYTES_MAX)]


class RunFiles(Synapse, frozen=True):
    """All files of the run; none if this neuron does not share them."""

    files: Annotated[tuple[RunFile, ...], Meta(max_length=FILES_MAX)]
