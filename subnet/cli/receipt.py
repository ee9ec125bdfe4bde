"""`assay receipt`: what a validator asked and was answered, kept, handed on, and checked by others.

``list`` and ``export`` read a validator's receipts under the state folder; ``verify`` needs nothing
but an exported file and the chain. It says who signed what, and whether it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli import arguments, param_types
from assay.cli.command import Command, LazyGroup
from assay.types import NetUid

if TYPE_CHECKING:
    from assay.neuron.receipts import Proof, ReceiptRecord, Receipts


@click.group(cls=LazyGroup)
def receipt() -> None:
    """What a validator asked and was answered: list, hand on, check."""


@receipt.command("list", cls=Command)
@arguments.state_dir
@arguments.netuid(1)
@arguments.json
def list_(state_dir: Path, netuid: int, json: bool) -> None:
    """List the closed periods of all validators' receipts in the state folder."""
    from assay.cli import output

    rows = [
        {
            "period": period.number,
            "records": period.records,
            "left_out": period.left_out,
            "root": period.root.hex(),
            "folder": str(folder),
        }
        for folder, log in _logs(state_dir, netuid)
        for period in log.periods()
    ]
    if json:
        output.document(rows)
        return
    output.table(
        f"Receipts of subnet {netuid}",
        ("period", "records", "left out", "root", "folder"),
        [tuple(map(str, row.values())) for row in rows],
    )


@receipt.command("export", cls=Command)
@click.argument("folder", type=param_types.FOLDER, metavar="FOLDER", help="A neuron's folder.")
@click.argument("period", type=click.IntRange(0), metavar="PERIOD", help="The period's number.")
@click.argument("index", type=click.IntRange(0), metavar="INDEX", help="The record's place in it.")
@click.argument("file", type=param_types.FILE, metavar="FILE", help="Where to write it.")
def export(folder: Path, period: int, index: int, file: Path) -> None:
    """Write one receipt with its proof into a file that anybody can check."""
    import msgspec

    from assay.cli import output
    from assay.errors import UserError
    from assay.files import write_atomic
    from assay.neuron.folder import read_mark
    from assay.neuron.receipts import Receipts, prove

    mark = read_mark(folder)
    try:
        proof = prove(
            Receipts(folder / "receipts"),
            period,
            index,
            genesis=mark.genesis,
            netuid=mark.netuid,
            validator=mark.hotkey,
        )
    except ValueError as error:
        raise UserError(f"{error}.", "See `assay receipt list`.") from None
    write_atomic(file, msgspec.json.encode(proof))
    output.text(f"Receipt {index} of period {period} is in {file}.")


@receipt.command("verify", cls=Command)
@click.argument("file", type=param_types.FILE, metavar="FILE", help="An exported receipt.")
@arguments.chain
@arguments.state_dir
@arguments.json
def verify(file: Path, chain: str, state_dir: Path, json: bool) -> None:
    """Check a receipt by itself and by the chain: who signed what, and whether it holds."""
    from assay.cli import output
    from assay.cli.neurons import open_chain
    from assay.cli.process import run_async
    from assay.clock import SystemClock
    from assay.errors import Refused, Unavailable
    from assay.neuron.audit import read_proof, receipt_problem
    from assay.neuron.shown import shown_root

    proof, record = read_proof(file)

    async def look() -> tuple[str | None, bool]:
        async with open_chain(chain, state_dir, SystemClock()) as client:
            problem = receipt_problem(proof, record, genesis=await client.genesis_hash())
            if problem is not None:
                return problem, False
            root = proof.running()
            return None, await shown_root(client, NetUid(proof.netuid), proof.validator, root)

    problem, is_shown = run_async(look)
    if problem is not None:
        raise Refused(
            f"The receipt does not hold: {problem}.", "Ask whoever gave the file for a true one."
        )
    if not is_shown:
        raise Unavailable(
            "The receipt's signatures hold; the root that it leads to is not one that the chain "
            "shows, or showed in the blocks whose state it keeps.",
            "An old export may be true: export it again. A new one: its root goes out with the "
            "next epoch.",
        )
    said = _said(proof, record)
    if json:
        output.document(said)
    else:
        output.text("\n".join(f"{name:10} {_one_line(value)}" for name, value in said.items()))


def _said(proof: Proof, record: ReceiptRecord) -> dict[str, Any]:
    return {
        "holds": True,
        "validator": proof.validator,
        "target": record.target,
        "method": record.method,
        "turn": record.turn,
        "block": record.block,
        "outcome": record.failure or "reply",
        "signed_by": [proof.validator, record.target] if record.evidence else [],
        "period": proof.period.number,
    }


def _one_line(value: object) -> str:
    """``value`` without line ends: a validator chose its words, and must not add lines."""
    return " ".join(str(value).split())


def _logs(state_dir: Path, netuid: int) -> Iterator[tuple[Path, Receipts]]:
    from assay.neuron.receipts import Receipts

    for folder in sorted((state_dir / "neurons").glob(f"*/{netuid}/*/receipts")):
        yield folder.parent, Receipts(folder)
