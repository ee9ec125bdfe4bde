"""The gateway of a run: its process, and the keys with which the run's own people ask it.

The gateway signs with the owner's hotkey, which is on the subnet and does nothing else there. Each
start makes a new key called ``local`` in place of the last one, because a key can be shown only
when it is made. Validators that send canaries have keys of their own, in a file that only their
owner can read: an argument would show them to everybody on the machine.
"""

from __future__ import annotations

from typing import Final

from assay.cli.task_options import ChosenTask
from assay.cli.up.plan import HOTKEY, MemberRole, Plan
from assay.clock import Clock
from assay.spawn import ChildSpec
from assay.types import NetUid

GATEWAY: Final = "gateway"
"""The process's name."""
LOCAL: Final = "local"
"""The key's name."""
CANARY_GATEWAY: Final = "canary_gateway"
CANARY_KEYS: Final = "canary_key_file"
"""Settings of a validator that can ask through a gateway, if its task has some by these names."""


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


def canary_words(plan: Plan, chosen: ChosenTask, clock: Clock) -> dict[str, list[str]]:
    """The options by which each validator asks as a client does, by the member's name, with new
    keys; none where the task does not know them, or was told otherwise."""
    from assay.files import write_atomic
    from assay.gateway.keys import KeyFile, key_path

    known = chosen.validator.settings.__struct_fields__
    own = {CANARY_GATEWAY, CANARY_KEYS}
    is_off = chosen.values.get("client_answers") is False
    if plan.gateway_url is None or is_off or not own <= set(known) or own & set(chosen.values):
        return {}
    keys, words = KeyFile(key_path(plan.state_dir), clock=clock), {}
    for member in plan.of(MemberRole.VALIDATOR):
        reads, _ = keys.add(f"{member.name}-reads", reads_shared_prompts=True, replace=True)
        asks, _ = keys.add(f"{member.name}-asks", replace=True)
        path = key_path(plan.state_dir).with_name(f"{member.name}.keys")
        write_atomic(path, f"{reads}\n{asks}\n".encode())
        given = {CANARY_GATEWAY: (plan.gateway_url,), CANARY_KEYS: (path.absolute(),)}
        words[member.name] = ChosenTask(chosen.halves, given).words(chosen.validator)
    return words


def local_key(plan: Plan, clock: Clock) -> str:
    """A new key for the run's own person; an older one opens no more."""
    from assay.gateway.keys import KeyFile, key_path

    key, _ = KeyFile(key_path(plan.state_dir), clock=clock).add(LOCAL, replace=True)
    return key
