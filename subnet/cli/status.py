"""`assay status`: a subnet's neurons as the chain has them, with what local validators think.

Adds to a metagraph the reasons that validators under the same state folder wrote down. Whether a
key mines or validates is not said here: the chain does not know what a process is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from subnet.cli import options
from subnet.types import RAO_PER_TAO, U16_MAX

if TYPE_CHECKING:
    from subnet.chain.interface import Metagraph, Neuron
    from subnet.neuron.checkpoint import Standing

app = typer.Typer(add_completion=False, help="Show a subnet: uids, stake, incentive, rewards.")


@app.command()
def status(
    netuid: options.Netuid = 1,
    chain: options.Chain = "local",
    state_dir: options.StateDir = options.STATE_DIR,
    json: options.Json = False,
) -> None:
    """Show a subnet's neurons: stake, incentive, dividends, scores with reasons."""
    from subnet.cli import output
    from subnet.cli.neurons import open_chain
    from subnet.cli.process import run_async
    from subnet.clock import SystemClock

    async def run() -> Metagraph:
        async with open_chain(chain, state_dir, SystemClock()) as client:
            return await client.metagraph(netuid)

    graph = run_async(run)
    scores = _scores(state_dir, netuid)
    if json:
        output.document(_document(graph, scores))
        return
    output.table(
        f"Subnet {netuid} · block {graph.at.number} · epoch {graph.epoch.index} "
        f"(next at block {graph.epoch.next_block})",
        ("uid", "hotkey", "stake α", "permit", "inc.", "div.", "last α", "score", "why"),
        [_cells(neuron, scores.get(neuron.hotkey, ())) for neuron in graph.neurons],
    )


def _document(graph: Metagraph, scores: Mapping[str, Sequence[Standing]]) -> dict[str, Any]:
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
                "scores": [standing.average for standing in scores.get(neuron.hotkey, ())],
                "reasons": _reasons(scores.get(neuron.hotkey, ())),
            }
            for neuron in graph.neurons
        ],
    }


def _cells(neuron: Neuron, standings: Sequence[Standing]) -> tuple[str, ...]:
    return (
        str(neuron.uid),
        f"{neuron.hotkey[:8]}…",
        f"{neuron.alpha_stake / RAO_PER_TAO:,.3f}",
        "yes" if neuron.validator_permit else "",
        f"{neuron.incentive / U16_MAX:.3f}",
        f"{neuron.dividends / U16_MAX:.3f}",
        f"{neuron.emission / RAO_PER_TAO:,.4f}",
        " ".join(f"{standing.average:.3f}" for standing in standings),
        "; ".join(_reasons(standings)),
    )


def _scores(state_dir: Path, netuid: int) -> dict[str, list[Standing]]:
    """By hotkey, what each validator under this state folder last wrote down about this subnet."""
    from subnet.errors import UserError
    from subnet.neuron.checkpoint import CheckpointFile

    found: dict[str, list[Standing]] = {}
    for path in sorted((state_dir / "neurons").glob(f"*.{netuid}/checkpoint.json")):
        try:
            memory = CheckpointFile(path).read()
        except UserError:
            continue  # its own validator says what is wrong with it
        for hotkey, standing in (memory.standings if memory else {}).items():
            found.setdefault(hotkey, []).append(standing)
    return found


def _reasons(standings: Iterable[Standing]) -> list[str]:
    return list(dict.fromkeys(reason for s in standings for reason in s.reasons))
