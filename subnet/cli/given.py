"""Options that belong together, declared once and shared by commands.

Adds to typer, which wants every option in the command's own signature, a group of options: a frozen
dataclass whose fields are annotated as a command's parameters are. A command with a parameter
``given`` of such a class, under ``@takes(THE_CLASS)``, has all of its options, in the order of the
fields, before those that it declares itself. The classes here are those of neurons.

It knows no task and starts nothing.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final, TypeVar, get_type_hints

import typer

from assay.cli import options

Command = TypeVar("Command", bound=Callable[..., None])

GIVEN: Final = "given"
"""The name of the parameter that stands for the group."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NeuronOptions:
    """What every neuron is told."""

    netuid: options.Netuid
    wallet: options.Wallet
    hotkey: options.Hotkey = "default"
    task: options.Task = "inference"
    chain: options.Chain = "local"
    state_dir: options.StateDir = options.STATE_DIR
    wallet_path: options.WalletPath = None
    register: options.Register = False
    max_price: options.MaxPrice = None
    yes: options.Yes = False
    password_file: options.PasswordFile = None
    log_level: options.LogLevel = "INFO"


@dataclass(frozen=True, kw_only=True, slots=True)
class MinerOptions(NeuronOptions):
    """A miner's, honest or not."""

    wallet: options.Wallet = "miner"
    host: options.Host = "127.0.0.1"
    port: options.Port = 0
    announce: options.Announce = None
    serve: options.Serve = "registered"
    json: options.Json = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidatorOptions(NeuronOptions):
    """A validator's."""

    wallet: options.Wallet = "validator"


def takes(group: type[Any]) -> Callable[[Command], Callable[..., None]]:
    """Let a command take the options of ``group`` as its parameter ``given``."""

    def decorate(command: Command) -> Callable[..., None]:
        hints = get_type_hints(group, include_extras=True)
        shared = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
                annotation=hints[field.name],
            )
            for field in fields(group)
        ]
        own = inspect.signature(command, eval_str=True).parameters
        assert GIVEN in own, f"a command that takes {group.__name__} has a parameter {GIVEN}"

        @functools.wraps(command)
        def run(context: typer.Context, **words: Any) -> None:
            given = group(**{field.name: words.pop(field.name) for field in fields(group)})
            command(context, given=given, **words)

        # What typer looks at: the context first, the group's options, then the command's own.
        context, *rest = [parameter for name, parameter in own.items() if name != GIVEN]
        rest = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in rest]
        run.__signature__ = inspect.Signature([context, *shared, *rest])  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in (context, *shared, *rest)}
        return run

    return decorate
