"""What a run is: one document that fixes everything. Pure.

Whoever has the manifest and what its roots name (the first model, the corpus) can compute every
window anew, down to the bits on a machine of the same profile. A manifest has one form in bytes. It
lies in an object; the object's root is the run's name, which its owner publishes and every seal
names. A manifest that contradicts itself is refused before anything starts.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from assay.protocol.training import one_form
from assay.protocol.training.schedule import Schedule
from assay.protocol.training.seal import BOUNDARIES_MAX, STEPS_MAX, Hash
from assay.scoring.training.policy import PPM, CodecForm, CodecPolicy

MANIFEST_BYTES_MAX: Final = 64 * 2**10
"""A manifest takes two kilobytes."""

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Rate = Annotated[float, Meta(gt=0.0, le=10.0)]
Weight = Annotated[float, Meta(ge=2.0**-16, le=2.0**16)]


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is read: a corpus by its root, in sequences of ``context`` tokens, ``batch`` of them
    in a step, in an order that follows from ``seed``."""

    corpus: Hash
    context: Annotated[int, Meta(ge=8, le=2**20)]
    batch: Annotated[int, Meta(ge=1, le=2**16)]
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a peer computes within a window: ``steps`` steps of ``optimiser`` at the rate ``rate``,
    which climbs over the first ``warmup`` steps of the run."""

    optimiser: Literal["adamw", "muon"]
    steps: Annotated[int, Meta(ge=1, le=STEPS_MAX)]
    rate: Rate
    warmup: Annotated[int, Meta(ge=0, le=STEPS_MAX)]
    beta1: Share
    beta2: Share
    epsilon: Annotated[float, Meta(gt=0.0, le=1e-3)]
    weight_decay: Share
    clip: Annotated[float, Meta(gt=0.0, le=1e6)]
    """The largest norm of a step's gradient."""
    boundaries: Annotated[int, Meta(ge=0, le=BOUNDARIES_MAX)]
    """How many states on the way a seal names."""

    @property
    def boundary_steps(self) -> tuple[int, ...]:
        """After which steps of a window, counted from 1, a state on the way is named."""
        parts = self.boundaries + 1
        return tuple(self.steps * part // parts for part in range(1, parts))


class Outer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a window's messages become one step of the state. The rate may lie above 1: sparse
    messages want that."""

    rate: Rate
    momentum: Share
    mean_of: Literal["all", "senders"]
    """Whether a coordinate's mean is over all peers, or over those that sent it."""
    trim: Annotated[float, Meta(ge=0.0, lt=0.5)]
    """Of the values at each end, the part that is left out."""
    norm_max: Annotated[float, Meta(ge=1.0, le=1e3)]
    """How many times the middle norm a peer's message may have; a larger one is scaled down."""


class Codec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a message is compressed; see ``assay.scoring.training.policy``."""

    form: Literal["chunked", "coded"]
    sent_ppm: Annotated[int, Meta(ge=1, le=PPM)]
    levels: Annotated[int, Meta(ge=1, le=2)]
    feedback_decay: Share
    matrix_weight: Weight = 1.0
    embedding_weight: Weight = 1.0
    vector_weight: Weight = 1.0

    @property
    def policy(self) -> CodecPolicy:
        """What the codec goes by."""
        return CodecPolicy(
            name=self.form,
            form=CodecForm[self.form.upper()],
            sent_ppm=self.sent_ppm,
            levels=self.levels,
            feedback_decay=self.feedback_decay,
            matrix_weight=self.matrix_weight,
            embedding_weight=self.embedding_weight,
            vector_weight=self.vector_weight,
        )


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The machine profile: what must be equal for two computations to have the same bits."""

    torch: Annotated[str, Meta(min_length=1, max_length=64)]
    device: Literal["cpu", "cuda"]
    instructions: Annotated[str, Meta(min_length=1, max_length=64)]
    threads: Annotated[int, Meta(ge=1, le=1024)]
    dtype: Literal["fp32", "bf16"]
    processes: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Among which a step's sequences are divided, of as many threads each."""

    def difference(self, wanted: Machine) -> str | None:
        """Return in one sentence in what this machine differs from the one ``wanted`` by a run;
        None where windows that are computed here have the run's bits."""
        differing = [
            f"{name} {getattr(self, name)} instead of {getattr(wanted, name)}"
            for name in self.__struct_fields__
            if getattr(self, name) != getattr(wanted, name)
        ]
        if not differing:
            return None
        return (
            f"This machine has {', '.join(differing)}, so its results differ from the run's in"
            " bits, and count only where the run's audits allow a distance."
        )


class AuditTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often a peer's window is computed again, and how far the result may lie off, in parts of
    the update's own norm, on a machine of another profile; 0: only equal bits are right."""

    share: Annotated[float, Meta(gt=0.0, le=1.0)]
    distance: Annotated[float, Meta(ge=0.0, le=0.1)]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run."""

    version: Literal[2]
    """Of this form. A peer of another version computes something else, and must not start: in runs
    of version 1 states had no lineage, and so other hashes."""
    name: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,63}$")]
    model: Hash
    """The root of the model folder that the run starts from, tokenizer included."""
    data: Data
    inner: Inner
    outer: Outer
    codec: Codec
    machine: Machine
    audit: AuditTerms
    schedule: Schedule

    def pack(self) -> bytes:
        """Return the manifest's bytes."""
        return one_form.pack(self)

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """Return the manifest in ``data``; ValueError, with what is wrong, for anything else, for
        another form of one, and for one that contradicts itself."""
        manifest = one_form.parse(data, cls, "manifest", bytes_max=MANIFEST_BYTES_MAX)
        manifest.check()
        return manifest

    def check(self) -> None:
        """ValueError if parts of this manifest contradict each other."""
        if self.inner.boundaries >= self.inner.steps:
            raise ValueError("there are fewer states on the way than steps")
        if self.machine.device == "cuda" and self.audit.distance == 0.0:
            raise ValueError("on a GPU the bits of a sum vary: allow a distance in audits")
        if self.data.batch % self.machine.processes:
            raise ValueError(
                f"a step's {self.data.batch} sequences do not divide among"
                f" {self.machine.processes} processes"
            )
        if self.outer.trim > 0.0 and self.outer.mean_of == "senders":
            raise ValueError("a trimmed mean is over all peers")
