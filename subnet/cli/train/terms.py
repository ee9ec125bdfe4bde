"""What a run may be made with: the options of `assay train new`, and the manifest that they make.

Each default is one that was measured with models of 0.2 to 1 million numbers (``docs/training.md``
has the figures), or says why it is what it is. A run's roots are not known here: they are filled in
when its folder is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from assay.cli import arguments
from assay.cli.param_types import Number
from assay.protocol.training.schedule import BLOCKS_MAX, WINDOWS_MAX
from assay.protocol.training.seal import BOUNDARIES_MAX, STEPS_MAX

if TYPE_CHECKING:
    from assay.protocol.training.manifest import Machine, Manifest

NOTHING: Final = bytes(32)
"""Stands where a root is filled in later."""
BETAS: Final = (0.9, 0.95)
"""AdamW's, as language models are trained; the second one is Muon's momentum too."""
EPSILON: Final = 1e-8
RATE_MAX: Final = 10.0

CODECS: Final = ("signed", "sparseloco")
"""``signed``: one value in a hundred of the model, as its sign, entropy-coded; some 300 times
smaller than the model. ``sparseloco``: what arXiv 2508.15706 publishes, some 190 times smaller."""


def _number(name: str, least: float, most: float, default: Any, told: str) -> Any:
    return click.option(
        f"--{name}", type=Number(least, most), default=default, metavar="NUMBER", help=told
    )


def _count(name: str, least: int, most: int, default: Any, told: str) -> Any:
    return click.option(
        f"--{name}", type=click.IntRange(least, most), default=default, metavar="N", help=told
    )


def _blocks(phase: str, default: int, told: str) -> Any:
    return _count(f"{phase}-blocks", 1, BLOCKS_MAX, default, told)


term_options: Final = arguments.all_of(
    _count("context", 8, 2**20, 128, "Tokens of a sequence."),
    _count("batch", 1, 2**16, 8, "Sequences of a step."),
    _count("steps", 1, STEPS_MAX, 15, "Steps of a peer in a window."),
    click.option(
        "--optimiser", type=click.Choice(["adamw", "muon"]), default="adamw", metavar="NAME",
        help="Of the steps in a window: adamw, or muon for matrices with adamw for the rest.",
    ),
    _number("rate", 1e-8, RATE_MAX, 3e-3, "The steps' learning rate."),
    _count("warmup", 0, STEPS_MAX, 50, "Steps of a peer over which the rate climbs."),
    _number("weight-decay", 0.0, 1.0, 0.01, "Of matrices and embeddings."),
    _number("clip", 1e-6, 1e6, 1.0, "The largest norm of a step's gradient."),
    _count("boundaries", 0, BOUNDARIES_MAX, 4, "States on the way that a seal names."),
    _number("outer-rate", 1e-6, RATE_MAX, 1.0, "By what a window's mean message is multiplied."),
    _number("outer-momentum", 0.0, 1.0, 0.0, "Of the model's steps; sparse messages want none."),
    click.option(
        "--mean-of", type=click.Choice(["senders", "all"]), default="senders", metavar="WHOM",
        help="Whether a number's mean is over those that sent it, or over all peers.",
    ),
    _number("trim", 0.0, 0.49, 0.0, "The part of the values at each end that is left out."),
    _number("norm-max", 1.0, 1e3, 2.0, "A message's largest norm, in norms of the middle one."),
    click.option(
        "--codec", type=click.Choice(CODECS), default=CODECS[0], metavar="NAME",
        help="The form of messages: signed, or sparseloco as that is published.",
    ),
    click.option(
        "--sent-ppm", type=click.IntRange(1, 10**6), metavar="N", show_default="the codec's own",
        help="Numbers that a message holds, of a million of the model's.",
    ),
    click.option(
        "--feedback-decay", type=Number(0.0, 1.0), metavar="NUMBER",
        show_default="the codec's own",
        help="What of the unsent rest is added to the next window's change.",
    ),
    _number("audit-share", 0.001, 1.0, 0.3, "How often a validator computes a window again."),
    _number(
        "audit-distance", 0.0, 0.1, 0.0,
        "How far a message may lie off on other machines, in parts of its length; 0: not a bit.",
    ),
    _count("threads", 1, 1024, 1, "Threads of the steps: other numbers give other bits."),
    _count("nproc", 1, 1024, 1, "Processes that share each step, under torchrun."),
    click.option(
        "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", metavar="NAME",
        help="What computes the steps: cpu, or cuda.",
    ),
    click.option(
        "--dtype", type=click.Choice(["fp32", "bf16"]), default="fp32", metavar="NAME",
        help="In which the steps are computed: fp32, or bf16.",
    ),
    click.option(
        "--start-block", type=click.IntRange(0, BLOCKS_MAX), required=True, metavar="N",
        help="The block that the first window begins with.",
    ),
    _count("windows", 1, WINDOWS_MAX, 1_000, "Windows of the run."),
    _blocks("train", 75, "Blocks in which peers compute: 15 minutes of a public chain."),
    _blocks("upload", 10, "Blocks by whose last one a seal is on chain."),
    _blocks("reveal", 5, "Blocks in which keys are shown."),
    _blocks("attest", 5, "Blocks in which validators say what they hold."),
    _blocks("evaluate", 3, "Blocks in which validators measure what the work is worth."),
    _blocks("advance", 2, "Blocks in which everybody makes the next state."),
)  # fmt: skip
"""The options of `assay train new` that become the manifest: the fields of ``TermOptions``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TermOptions:
    """What was given of a run's terms."""

    context: int
    batch: int
    steps: int
    optimiser: Any
    rate: float
    warmup: int
    weight_decay: float
    clip: float
    boundaries: int
    outer_rate: float
    outer_momentum: float
    mean_of: Any
    trim: float
    norm_max: float
    codec: str
    sent_ppm: int | None
    feedback_decay: float | None
    audit_share: float
    audit_distance: float
    threads: int
    nproc: int
    device: Any
    dtype: Any
    start_block: int
    windows: int
    train_blocks: int
    upload_blocks: int
    reveal_blocks: int
    attest_blocks: int
    evaluate_blocks: int
    advance_blocks: int

    def manifest(self, name: str, seed: int, machine: Machine) -> Manifest:
        """The run's manifest, without the roots of its model and its corpus."""
        from assay.protocol.training import manifest as terms
        from assay.protocol.training.schedule import Schedule

        return terms.Manifest(
            version=2,
            name=name,
            model=NOTHING,
            data=terms.Data(corpus=NOTHING, context=self.context, batch=self.batch, seed=seed),
            inner=terms.Inner(
                optimiser=self.optimiser,
                steps=self.steps,
                rate=self.rate,
                warmup=self.warmup,
                beta1=BETAS[0],
                beta2=BETAS[1],
                epsilon=EPSILON,
                weight_decay=self.weight_decay,
                clip=self.clip,
                boundaries=min(self.boundaries, self.steps - 1),
            ),
            outer=terms.Outer(
                rate=self.outer_rate,
                momentum=self.outer_momentum,
                mean_of=self.mean_of,
                trim=self.trim,
                norm_max=self.norm_max,
            ),
            codec=self._codec(),
            machine=machine,
            audit=terms.AuditTerms(share=self.audit_share, distance=self.audit_distance),
            schedule=Schedule(
                start=self.start_block,
                windows=self.windows,
                train=self.train_blocks,
                upload=self.upload_blocks,
                reveal=self.reveal_blocks,
                attest=self.attest_blocks,
                evaluate=self.evaluate_blocks,
                advance=self.advance_blocks,
            ),
        )

    def _codec(self) -> Any:
        from assay.protocol.training.manifest import Codec
        from assay.scoring.training.policy import PUBLISHED, SIGNED, CodecForm

        policy = SIGNED if self.codec == CODECS[0] else PUBLISHED
        return Codec(
            form="coded" if policy.form is CodecForm.CODED else "chunked",
            sent_ppm=policy.sent_ppm if self.sent_ppm is None else self.sent_ppm,
            levels=policy.levels,
            feedback_decay=(
                policy.feedback_decay if self.feedback_decay is None else self.feedback_decay
            ),
        )
