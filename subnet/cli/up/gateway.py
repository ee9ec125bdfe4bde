"""The gateway of a run: its process, and the key with which the run's own person asks it.

The gateway signs with the owner's hotkey, which is on the subnet and does nothing else there. Each
start makes a new key called ``local`` in place of the last one, because a key can be shown only
when it is made.
"""

from __future__ import annotations

from typing import Final

from assay.cli.task_options import ChosenTask
from assay.cli.up.plan import HOTKEY, Plan
from assay.clock import Clock
from assay.spawn import ChildSpec
from assay.types import NetUid

GATEWAY: Final = "gateway"
"""The process's name."""
LOCAL: Final = "local"
"""The key's name."""


def gateway_spec(
    plan: Plan, netuid: NetUid, chosen: ChosenTask, entry: str, log_words: tuple[str, ...]
) -> ChildSpec:
    """The gateway's process. Of the validators' options it has those that it knows as well, such as
    the model: what validators pay for is what clients are served."""
    from assay.cli.gateway import run

    known = {name for param in run.params for name in (*param.opts, *param.secondary_opts)}
    measured = plan.gateway_metrics_port
    shared = [word for word in chosen.words(chosen.validator) if word.partition("=")[0] in known]
    return ChildSpec(
        name=GATEWAY,
        module=entry,
        arguments=(
            *("gateway", "run", "--netuid", str(netuid), "--port", str(plan.gateway_port)),
            *("--wallet", plan.owner.name, "--hotkey", HOTKEY),
            *("--chain", plan.endpoint, "--state-dir", str(plan.state_dir)),
            *log_words,
            *(() if measured is None else ("--metrics-port", str(measured))),
            *shared,
        ),
        log=plan.log(GATEWAY),
        forked=True,
        stage=1,
    )


def local_key(plan: Plan, clock: Clock) -> str:
    """A new key for the run's own person; an older one opens no more."""
    from assay.gateway.keys import KeyFile, key_path

    key, _ = KeyFile(key_path(plan.state_dir), clock=clock).add(LOCAL, replace=True)
    return key
