"""What a neuron and its trainer's process say to each other: typed, bounded, and without arrays.

States, messages and what peers carry lie in files; here are their paths, roots and numbers. The
neuron's side of it is ``trainer``, the process's side is ``worker``. No torch is imported here.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from assay.protocol.training.manifest import Machine
from assay.protocol.training.seal import CURSOR_MAX, STEPS_MAX, Hash
from assay.training.lineage import Lineage

Count = Annotated[int, Meta(ge=0)]

STOP: Final = "stop"
"""See ``ComputeWindow``: a call that is under way can be told no more."""


class StateRef(msgspec.Struct, frozen=True):
    """A state in the file ``path``: its hash, the window that begins from it, and the run's
    cursor."""

    path: str
    root: Hash
    window: Count
    cursor: Annotated[int, Meta(ge=0, le=CURSOR_MAX)]


class RunFacts(msgspec.Struct, frozen=True):
    """What follows from a run's manifest and model together. ``machine`` is what the process
    computes on, which may differ from what the manifest names."""

    numbers: int
    """Of the model."""
    read: int
    """Sequences that one peer reads in a window."""
    message_bytes: int
    """Of a message as expected; opened, so without the 16 bytes that sealing adds."""
    message_bytes_max: int
    carried_bytes_max: int
    state_bytes_max: int
    machine: Machine


class StepDone(msgspec.Struct, frozen=True):
    """How far a window has come: ``step`` of ``steps`` are done, the last one with this ``loss`` in
    nats a token."""

    step: int
    steps: int
    loss: float
    tokens_per_s: float


class Computed(msgspec.Struct, frozen=True):
    """A window's work. ``message`` and ``carried`` are paths of files; the other fields are what
    the peer's seal names."""

    message: str
    """The message in clear: what is sealed."""
    carried: str
    """What the peer carries out of the window."""
    state: Hash
    """The hash of the state that the window began from; likewise ``window`` and ``cursor``."""
    window: int
    cursor: int
    steps: int
    end: Hash
    boundaries: list[Hash]
    opened: Hash
    """The hash of the message in clear."""
    loss: float
    """The mean of all steps, in nats a token."""
    tokens: int
    seconds: float


class Checked(msgspec.Struct, frozen=True):
    """What an audit found: whether the message, and what is carried on, are ``right``, how far they
    lie off in parts of the update's own norm (0: equal bits), and why, for a person."""

    right: bool
    distance: float
    reason: str
    seconds: float
    needs_after: bool = False
    """Whether bits differ from those here, so that what is carried on decides: it must be fetched
    and compared."""
    boundaries: list[Hash] = []
    """Of a whole window that is wrong: the states on the way as they are here."""


class Counted(msgspec.Struct, frozen=True):
    """One peer's opened message, in the file ``path``, the whole weight with which it counts, and
    the ``hotkey`` that the lineage names."""

    uid: Annotated[int, Meta(ge=0)]
    path: str
    weight: Annotated[int, Meta(ge=0, le=2**16)]
    hotkey: Annotated[str, Meta(min_length=1, max_length=64)]


class FoldedRef(msgspec.Struct, frozen=True):
    """The next state; for each uid what its values were multiplied by, in 2**-16; and why a message
    was left out, by uid."""

    state: StateRef
    factors: dict[int, int]
    refused: dict[int, str]


class Weighed(msgspec.Struct, frozen=True):
    """A message whose worth is asked for: of the peer ``uid`` at ``place``, in the file ``path``.
    ``other`` is the place of a peer whose sequences it is compared on."""

    uid: Annotated[int, Meta(ge=0)]
    path: str
    place: Count
    other: Count


class Worth(msgspec.Struct, frozen=True):
    """By how much the loss falls, in nats a token, where one peer's message alone is applied: on
    random ``held`` out sequences, on sequences of its ``own``, and on those of an ``other`` peer.
    The standard errors say how far chance moves ``held``, and ``own`` less ``other``, by which
    sequences were drawn. ``refused`` says why it cannot be applied; the numbers are zeros then."""

    uid: int
    held: float
    own: float
    other: float
    held_error: float = 0.0
    own_error: float = 0.0
    refused: str | None = None


class OpenedFile(msgspec.Struct, frozen=True):
    """The opened message of the peer ``uid``, in the file ``path``."""

    uid: Annotated[int, Meta(ge=0)]
    path: str


class CopyFound(msgspec.Struct, frozen=True):
    """That the message of the peer ``later`` is a copy of that of ``earlier``, and by which part of
    its values."""

    later: int
    earlier: int
    overlap: float


class DescribeRun(msgspec.Struct, frozen=True, tag="describe"):
    """Asks for the ``RunFacts``."""


class MakeFirst(msgspec.Struct, frozen=True, tag="first"):
    """Asks for the state before window 0 in the file ``into``."""

    into: str


class MakeNewcomer(msgspec.Struct, frozen=True, tag="newcomer"):
    """Asks for what a newcomer carries, in the file ``into``."""

    into: str


class ReadState(msgspec.Struct, frozen=True, tag="read"):
    """Asks what state the file ``path`` holds."""

    path: str


class ComputeWindow(msgspec.Struct, frozen=True, tag="compute"):
    """Asks for the work of the peer at ``place`` in the folder ``into``. ``carried`` is None for a
    newcomer. The states on the way go into the folder ``way``, if one is named, each in a file that
    is called as its step. A file named ``STOP`` in ``into`` ends the window with the step under
    way."""

    state: str
    carried: str | None
    place: Count
    into: str
    way: str | None = None


class TakeSteps(msgspec.Struct, frozen=True, tag="steps"):
    """Asks for the state after the step ``last`` of the peer at ``place``, in the file ``into``,
    from the state on the way in the file ``begin``, or from the window's first step."""

    state: str
    carried: str | None
    place: Count
    begin: str | None
    last: Annotated[int, Meta(ge=1)]
    into: str


class CheckSteps(msgspec.Struct, frozen=True, tag="check-steps"):
    """Asks whether the state in the file ``end``, after the step ``last`` of the peer at ``place``,
    is what the one in ``begin`` leads to, or the window's own state. ``root`` is the hash that the
    peer's seal names for the end's model, if it names one."""

    state: str
    carried: str | None
    place: Count
    begin: str | None
    last: Annotated[int, Meta(ge=1)]
    end: str
    root: Hash | None = None


class CheckWindow(msgspec.Struct, frozen=True, tag="check"):
    """Asks for an audit of the ``message`` of the peer at ``place``, and of what it carries on:
    ``after_root`` is the object that its seal names for that, and ``after`` a file with the
    object's bytes, where it was fetched. With ``begin``, a state on the way, only the steps behind
    it are taken. ``steps`` are as many as its seal names; None: all that a window has."""

    state: str
    carried: str | None
    place: Count
    message: str
    after_root: Hash | None = None
    after: str | None = None
    begin: str | None = None
    steps: Annotated[int, Meta(ge=1, le=STEPS_MAX)] | None = None


class FoldWindow(msgspec.Struct, frozen=True, tag="fold"):
    """Asks for the next state in the file ``into``, after a window that read so many sequences."""

    state: str
    messages: list[Counted]
    read: Count
    into: str


class SkipWindow(msgspec.Struct, frozen=True, tag="skip"):
    """Asks for the state after a void window, in the file ``into``."""

    state: str
    into: str


class WeighMessages(msgspec.Struct, frozen=True, tag="weigh"):
    """Asks for the worth of each of ``messages``, on so many ``sequences`` of each kind, which are
    drawn by ``seed``."""

    state: str
    messages: list[Weighed]
    sequences: Annotated[int, Meta(ge=1, le=2**16)]
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)]


class CompareMessages(msgspec.Struct, frozen=True, tag="compare"):
    """Asks for the copies among ``messages``, which come in the order in which they were committed.
    ``key`` is drawn after them."""

    state: str
    messages: list[OpenedFile]
    key: Annotated[int, Meta(ge=0, le=2**63 - 1)]


class MeasureHeldOut(msgspec.Struct, frozen=True, tag="held-out"):
    """Asks for the loss on up to so many held-out ``sequences``, evenly spread."""

    state: str
    sequences: Annotated[int, Meta(ge=1, le=2**20)]


class ExportModel(msgspec.Struct, frozen=True, tag="export"):
    """Asks for a model folder ``into`` with the state's numbers and lineage."""

    state: str
    into: str


class ExportedModel(msgspec.Struct, frozen=True):
    """A model folder's root, and the lineage in it."""

    root: Hash
    lineage: Lineage


TrainerRequest = (
    DescribeRun
    | MakeFirst
    | MakeNewcomer
    | ReadState
    | ComputeWindow
    | TakeSteps
    | CheckWindow
    | CheckSteps
    | FoldWindow
    | SkipWindow
    | WeighMessages
    | CompareMessages
    | MeasureHeldOut
    | ExportModel
)


class TrainerSettings(msgspec.Struct, frozen=True):
    """What a trainer's process is started with: the run's ``folder``, and among how many
    ``processes`` it divides a window's steps."""

    folder: str
    processes: Annotated[int, Meta(ge=1, le=1024)]
