"""The command `assay up`: from its options to a plan, and from the plan to a run.

It checks what can be checked before anything is made: the task, its settings, what it needs to be
installed, the cheat's name and the cast. What happens then is in ``run``.
"""

from __future__ import annotations

from typing import Any

import click

from assay.cli.task_options import ChosenTask, TaskCommand, miner_half, validator_half
from assay.cli.up.request import RunRequest, run_options


@click.command(cls=TaskCommand, loads=[miner_half, validator_half])
@run_options
def up(chosen: ChosenTask, **given: Any) -> int:
    """Run a whole subnet here: a chain, validators, miners of which one cheats, and rewards.

    Ctrl-C stops everything.
    """
    return launch(RunRequest(**given), chosen)


def launch(request: RunRequest, chosen: ChosenTask) -> int:
    """Run what is asked for, with the ``chosen`` task, and return the exit code."""
    from assay.chain.address import resolve
    from assay.cli.log import configure_log
    from assay.cli.process import run_async
    from assay.cli.up.beside import plan_beside
    from assay.cli.up.checks import check_task_is_installed
    from assay.cli.up.elsewhere import check_address
    from assay.cli.up.plan import make_plan
    from assay.cli.up.presets import chosen_preset
    from assay.cli.up.run import run
    from assay.lab.cheats import wrap_cheat
    from assay.neuron.run import validators_serve

    configure_log(request.log_level, request.log_format)
    if request.chain is not None:
        check_address(request.chain)
    preset = chosen_preset(request.preset, request.task)
    # What was given, without what follows from the state folder, which may be moved.
    options = tuple(chosen.words(*chosen.halves))
    own = {} if preset is None else preset.settings(request.state_dir)
    if own.keys() & chosen.values.keys():  # somebody has made it already
        preset = None
    chosen = ChosenTask(chosen.halves, {**own, **chosen.values})
    for half in chosen.halves:
        chosen.settings(half)
        check_task_is_installed(request.task, half.preload)
    if request.cheating is not None:
        wrap_cheat(request.cheating, chosen.miner())
    plan = make_plan(
        seed=request.seed,
        task=request.task,
        task_options=options,
        base_port=request.base_port,
        chain_url=None if request.chain is None else resolve(request.chain),
        state_dir=request.state_dir,
        validators=request.validators,
        miners=request.miners,
        cheat=request.cheating,
        slow=request.slow,
        metrics_port=request.metrics_port,
        gateway=chosen.miner.has_gateway,
        validators_serve=validators_serve(chosen.validator),
    )
    return run_async(lambda: run(plan, request, chosen, preset, plan_beside(plan, request)))
