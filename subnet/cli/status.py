"""`assay status`: a subnet's neurons as the chain has them, with what local validators think.

Adds to a metagraph the reasons that validators under the same state folder wrote down. Whether a
key mines or validates is not said here: the chain does not know what a process is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from assay.cli import arguments
from assay.cli.command import Command
from assay.cli.scores import best_of, said_of_best, share_of_best
from assay.types import RAO_PER_TAO, U16_MAX, Ss58

if TYPE_CHECKING:
    from assay.chain.interface import Metagraph, Neuron
    from assay.neuron.checkpoint import Checkpoint
    from assay.neuron.opinions import Opinion

    Scores = Mapping[str, Checkpoint]
    """What each validator under the state folder last wrote down, by its hotkey."""

FRESH_S: Final = 60.0
"""How old a running validator's scores may be where an epoch is shorter, as on a local chain: one
miner that hangs makes a round last 12 s, and a model that judges the answers makes it longer."""


_WHO_CHARS: Final = 8
"""As much of an address as tells it from the others of a subnet."""
_NAME_CHARS_MAX: Final = 16
"""A longer name would leave the numbers of two validators no room in eighty columns."""


@click.command(cls=Command)
@arguments.netuid(1)
@arguments.chain
@arguments.state_dir
@arguments.json
@click.pass_context
def status(context: click.Context, netuid: int, chain: str, state_dir: Path, json: bool) -> None:
    """Show a subnet's neurons: stake, incentive, dividends, scores with reasons."""
    from assay.cli import output
    from assay.cli.neurons import open_chain
    from assay.cli.process import run_async
    from assay.clock import SystemClock

    if context.get_parameter_source("chain") is ParameterSource.DEFAULT:
        chain = chain_of_run(state_dir) or chain

    async def run() -> tuple[Metagraph, float, str]:
        async with open_chain(chain, state_dir, SystemClock()) as client:
            graph = await client.metagraph(netuid)
            return graph, await client.block_time_s(), await client.genesis_hash()

    graph, block_time_s, genesis = run_async(run)
    scores = local_scores(state_dir, genesis, netuid)
    if json:
        output.document(_document(graph, scores))
        return
    judges = _judges(graph, scores)
    names = names_of(state_dir, graph)
    output.table(
        f"Subnet {netuid} · block {graph.at.number} · epoch {graph.epoch.index} "
        f"(next at block {graph.epoch.next_block})",
        ("uid", "who", "stake α", "permit", "inc.", "div.", "last α", *judges.values()),
        [_cells(neuron, names, judges, scores) for neuron in graph.neurons],
    )
    if judges:
        output.text(_legend(judges, names, scores))
    # On lines of their own: beside the numbers eighty columns leave them no room.
    told = [
        f"uid {neuron.uid}, {_voice(judge, judges, names)}: {'; '.join(why)}"
        for neuron in graph.neurons
        for judge, own in _of(neuron.hotkey, scores)
        if (why := [reason.text for reason in own.reasons])
    ]
    if told:
        output.text("\n".join(("Why", *told)))
    for judge, name in judges.items():
        age = _age(graph, scores[judge])
        if age is None or (age > graph.epoch.tempo and age * block_time_s > FRESH_S):
            since = "of unknown age" if age is None else f"{age} blocks old"
            output.note(f"Scores {name} are {since}: that validator may no longer run.")


def chain_of_run(state_dir: Path) -> str | None:
    """The address of the chain that `assay up` runs in the state folder, or ran last."""
    from assay.cli.up.record import RecordFile

    return RecordFile(state_dir).endpoint()


def _age(graph: Metagraph, memory: Checkpoint) -> int | None:
    """How many blocks ago its last round began; None if it does not say, or says it of a chain
    that has not come so far."""
    age = graph.at.number - memory.block if memory.block is not None else -1
    return age if age >= 0 else None


def _judges(graph: Metagraph, scores: Scores) -> dict[str, str]:
    """Each local validator's hotkey, and what the column of its scores is called: "by 2" for the
    validator with uid 2. Short, because a subnet with several of them must fit eighty columns."""
    uids: dict[str, int] = {neuron.hotkey: neuron.uid for neuron in graph.neurons}
    return {
        hotkey: f"by {uids[hotkey]}" if hotkey in uids else f"by {hotkey[:8]}…"
        for hotkey in sorted(scores, key=lambda each: uids.get(each, len(uids)))
    }


def _document(graph: Metagraph, scores: Scores) -> dict[str, Any]:
    uids: dict[str, int] = {neuron.hotkey: neuron.uid for neuron in graph.neurons}
    return {
        "netuid": graph.netuid,
        "block": graph.at.number,
        "epoch": graph.epoch.index,
        "next_epoch_block": graph.epoch.next_block,
        "alpha_price_rao": graph.alpha_price,
        "neurons": [
            {
                "uid": neuron.uid,
                "hotkey": neuron.hotkey,
                "coldkey": neuron.coldkey,
                "alpha_stake_rao": neuron.alpha_stake,
                "validator_permit": neuron.validator_permit,
                "incentive": neuron.incentive,
                "dividends": neuron.dividends,
                "emission_alpha_rao": neuron.emission,
                "axon": str(neuron.axon) if neuron.axon else None,
                "last_update": neuron.last_update,
                "score": _mean([own.average for _, own in _of(neuron.hotkey, scores)]),
                "scores": [
                    {
                        "uid": uids.get(judge),
                        "hotkey": judge,
                        "score": own.average,
                        "age_blocks": _age(graph, scores[judge]),
                        "reasons": [reason.text for reason in own.reasons],
                    }
                    for judge, own in _of(neuron.hotkey, scores)
                ],
                "reasons": reasons_of(neuron.hotkey, scores),
            }
            for neuron in graph.neurons
        ],
    }


def names_of(state_dir: Path, graph: Metagraph) -> dict[str, str]:
    """What a person calls each hotkey: its wallet's name where the state folder has the wallet,
    else the beginning of its address."""
    from assay.cli.up.keys import wallet_names

    known = wallet_names(state_dir / "wallets")
    return {
        each.hotkey: known.get(each.hotkey, f"{each.hotkey[:_WHO_CHARS]}…")[:_NAME_CHARS_MAX]
        for each in graph.neurons
    }


def _voice(judge: str, judges: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Whose reason it is: the column of the judge's scores, and its name where it holds a uid."""
    return f"{judges[judge]} ({names[judge]})" if judge in names else judges[judge]


def _legend(judges: Mapping[str, str], names: Mapping[str, str], scores: Scores) -> str:
    """What the columns of scores are."""
    told = ", ".join(
        f"{_voice(judge, judges, names)}: {said_of_best(_best(scores[judge]))}" for judge in judges
    )
    return (
        "Scores are the epoch's averages of each validator that keeps its state here, as shares of "
        f"its best one ({told})."
    )


def _best(memory: Checkpoint) -> float:
    return best_of(own.average for own in memory.opinions.values())


def _cells(
    neuron: Neuron, names: Mapping[str, str], judges: Iterable[str], scores: Scores
) -> tuple[str, ...]:
    own = dict(_of(neuron.hotkey, scores))
    return (
        str(neuron.uid),
        names[neuron.hotkey],
        f"{neuron.alpha_stake / RAO_PER_TAO:,.3f}",
        "yes" if neuron.validator_permit else "",
        _share(neuron.incentive),
        _share(neuron.dividends),
        f"{neuron.emission / RAO_PER_TAO:,.4f}",
        *(
            share_of_best(own[judge].average if judge in own else None, _best(scores[judge]))
            for judge in judges
        ),
    )


def _share(value: int) -> str:
    return f"{value / U16_MAX:.1%}" if value else ""


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _of(hotkey: str, scores: Scores) -> list[tuple[str, Opinion]]:
    """What each judge thinks of a hotkey, by the judge's."""
    opinions = ((judge, memory.opinions) for judge, memory in scores.items())
    return [(judge, table[Ss58(hotkey)]) for judge, table in opinions if hotkey in table]


def reasons_of(hotkey: str, scores: Scores) -> list[str]:
    found = (reason.text for _, own in _of(hotkey, scores) for reason in own.reasons)
    return list(dict.fromkeys(found))


def local_scores(state_dir: Path, genesis: str, netuid: int) -> Scores:
    """What each validator under this state folder last wrote down about this subnet."""
    from assay.errors import UserError
    from assay.neuron.checkpoint import CheckpointFile
    from assay.neuron.folder import checkpoints

    found: dict[str, Checkpoint] = {}
    for path in checkpoints(state_dir, genesis, netuid):
        try:
            memory = CheckpointFile(path).read()
        except UserError:
            continue  # its own validator says what is wrong with it
        if memory is not None:
            found[memory.hotkey] = memory
    return found
