"""`assay train eval`: how good a run's model is by now, on text that it was never trained on.

Adds each measured window to a curve that stays with whoever looks on, in the terminal and as a
picture. With ``--follow`` it goes on with each window until Ctrl-C.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from assay.cli import arguments, param_types
from assay.cli.command import Command
from assay.cli.train.curve import CurveFile, Point, svg, terminal
from assay.cli.train.watching import Where, look_options, looking_on, newest_state

if TYPE_CHECKING:
    from assay.neuron.task import TaskContext
    from assay.training.run_parts import RunParts

SEQUENCES_MAX: Final = 2**20
PICTURE_MODE: Final = 0o644


@click.command("eval", cls=Command)
@look_options
@click.option(
    "--sequences", type=click.IntRange(1, SEQUENCES_MAX), default=256, metavar="N",
    help="Held-out sequences that are read, evenly spread.",
)  # fmt: skip
@click.option("--follow", is_flag=True, help="Go on with each window until Ctrl-C.")
@click.option(
    "--svg", "picture", type=param_types.FILE, metavar="FILE", show_default="no picture",
    help="Draw the curve of what was measured so far into this file.",
)  # fmt: skip
@arguments.json
@click.pass_context
def eval_(
    context: click.Context,
    /,
    sequences: int,
    follow: bool,
    picture: Path | None,
    json: bool,
    **given: Any,
) -> None:
    """Measure the newest model's loss on held-out text, and draw the curve."""
    from assay.cli import output
    from assay.cli.process import run_async
    from assay.files import write_atomic

    def measured(name: str, points: list[Point]) -> None:
        if picture is not None:
            title = f"{name}: held-out loss, nats a token"
            write_atomic(picture, svg(points, title).encode(), PICTURE_MODE)
        if follow and json:
            output.line(_facts(points[-1]))
        elif follow:
            last = points[-1]
            output.text(f"window {last.window:>6}  loss {last.loss:.4f}")

    name, points = run_async(lambda: _run(Where.of(context), sequences, follow, measured))
    if follow and json:
        return
    if json:
        curve = [{"window": each.window, "loss": each.loss} for each in points]
        output.document({"run": name} | _facts(points[-1]) | {"curve": curve})
        return
    last = points[-1]
    output.text(
        f"Run {name}, window {last.window}: held-out loss {last.loss:.4f} nats a token"
        f" (perplexity {math.exp(last.loss):,.1f}), {points[0].loss:.4f} at window"
        f" {points[0].window}"
    )
    output.text(terminal(points))


def _facts(point: Point) -> dict[str, Any]:
    return {"window": point.window, "loss": point.loss}


async def _run(
    where: Where,
    sequences: int,
    follow: bool,
    measured: Callable[[str, list[Point]], None],
) -> tuple[str, list[Point]]:
    """Measure once, or until a signal; the run's name and all points."""
    import asyncio

    from assay.aio import first
    from assay.cli.process import stop_on_signals

    async with looking_on(where) as (context, parts):
        curve = CurveFile(parts.folder / "losses.jsonl")
        name = parts.run.manifest.name
        await _measure_first(parts, sequences, curve)

        async def look() -> None:
            state = await newest_state(context, parts)
            if not curve.points or curve.points[-1].window != state.window:
                loss = await parts.trainer.held_out(Path(state.path), sequences=sequences)
                curve.add(Point(state.window, loss))
                curve.save()
            measured(name, curve.points)

        await look()
        if follow:
            stop = asyncio.Event()
            stop_on_signals(stop)
            await first(_each_window(context, parts, look), stop.wait())
        return name, curve.points


async def _measure_first(parts: RunParts, sequences: int, curve: CurveFile) -> None:
    """Measure what the run began from, where a curve begins."""
    if curve.points:
        return
    path = parts.folder / "first.safetensors"
    state = await parts.trainer.first(path)
    curve.add(Point(0, await parts.trainer.held_out(Path(state.path), sequences=sequences)))
    curve.save()
    path.unlink(missing_ok=True)


async def _each_window(context: TaskContext, parts: RunParts, look: Callable[[], Any]) -> None:
    import contextlib

    from assay.training.follower import windows_decided

    schedule = parts.run.manifest.schedule
    seen = windows_decided(schedule, context.chain.now().at.number)
    async with contextlib.aclosing(context.chain.blocks()) as moments:
        async for moment in moments:
            decided = windows_decided(schedule, moment.at.number)
            if decided > seen:
                seen = decided
                await look()
