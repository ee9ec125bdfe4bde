"""`assay status`: a subnet's neurons as the chain has them, with what local validators think.

Adds to a metagraph the reasons that validators under the same state folder wrote down. Whether a
key mines or validates is not said here: the chain does not know what a process is.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from subnet.cli import options

if TYPE_CHECKING:
    from subnet.neuron.checkpoint import Standing

app = typer.Typer(help="Show a subnet: uids, stake, incentive, rewards.")


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

    async def run() -> None:
        async with open_chain(chain, state_dir, SystemClock()) as client:
            graph = await client.metagraph(netuid)
        scores = _scores(state_dir, netuid)
        if json:
            output.document(
                {
                    "netuid": netuid,
                    "block": graph.at.number,
                    "epoch": graph.epoch.index,
                    "next_epoch_block": graph.epoch.next_block,
                    "alpha_price_rao": graph.alpha_price,
                    "neurons": [
                        {
                            "uid": n.uid,
                            "hotkey": n.hotkey,
                            "coldkey": n.coldkey,
                            "alpha_stake_rao": n.alpha_stake,
                            "validator_permit": n.validator_permit,
                            "incentive": n.incentive,
                            "dividends": n.dividends,
                            "emission_alpha_rao": n.emission,
                            "axon": str(n.axon) if n.axon else None,
                            "last_update": n.last_update,
                            "scores": [s.average for s in scores.get(n.hotkey, ())],
                            "reasons": _reasons(scores.get(n.hotkey, ())),
                        }
                        for n in graph.neurons
                    ],
                }
            )
            return
        output.table(
            f"Subnet {netuid} · block {graph.at.number} · epoch {graph.epoch.index} "
            f"(next at block {graph.epoch.next_block})",
            (
                "uid",
                "hotkey",
                "stake α",
                "permit",
                "incentive",
                "dividends",
                "last epoch α",
                "score",
                "axon",
                "why",
            ),
            [
                (
                    str(n.uid),
                    f"{n.hotkey[:8]}…",
                    f"{n.alpha_stake / 1e9:,.3f}",
                    "yes" if n.validator_permit else "",
                    f"{n.incentive / 65_535:.3f}",
                    f"{n.dividends / 65_535:.3f}",
                    f"{n.emission / 1e9:,.4f}",
                    " ".join(f"{s.average:.3f}" for s in scores.get(n.hotkey, ())),
                    str(n.axon) if n.axon else "",
                    "; ".join(_reasons(scores.get(n.hotkey, ()))),
                )
                for n in graph.neurons
            ],
        )

    run_async(run)


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
