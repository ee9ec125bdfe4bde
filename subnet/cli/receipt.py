"""`assay receipt`: what a validator asked and was answered, kept, handed on, and checked by others.

``list``, ``show`` and ``export`` read a validator's receipts under the state folder; ``verify``
needs nothing but an exported file and the chain; for the receipt that a client got from a gateway,
the file alone. It says who signed what, and whether it holds. ``judge`` replays a client's receipt
on the model; ``complain`` has validators do so, who convict a miner that was wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli import arguments, param_types
from assay.cli.command import Command, LazyGroup
from assay.cli.task_options import ChosenTask, TaskCommand, validator_half
from assay.types import NetUid

if TYPE_CHECKING:
    from assay.gateway.receipts import ClientReceipt
    from assay.neuron.receipts import Proof, ReceiptRecord, Receipts


@click.group(cls=LazyGroup)
def receipt() -> None:
    """What a validator asked and was answered: list, hand on, check."""


@receipt.command("list", cls=Command)
@arguments.state_dir
@arguments.netuid(1)
@click.option("--validator", metavar="SS58", help="Only the receipts of this validator's hotkey.")
@click.option(
    "--last", type=click.IntRange(1), default=20, metavar="N",
    help="The newest periods of each validator.",
)  # fmt: skip
@arguments.json
def list_(state_dir: Path, netuid: int, validator: str | None, last: int, json: bool) -> None:
    """List the closed periods of all validators' receipts in the state folder."""
    from assay.cli import output

    rows = [
        {
            "validator": folder.name,
            "period": period.number,
            "records": period.records,
            "left_out": period.left_out,
            "root": period.root.hex(),
            "folder": str(folder),
        }
        for folder, log in _logs(state_dir, netuid)
        if validator in (None, folder.name)
        for period in log.periods()[-last:]
    ]
    if json:
        output.document(rows)
        return
    output.table(
        f"Receipts of subnet {netuid}",
        ("period", "records", "left out", "validator"),
        [
            tuple(str(row[name]) for name in ("period", "records", "left_out", "validator"))
            for row in rows
        ],
    )
    for folder in dict.fromkeys(str(row["folder"]) for row in rows):
        output.text(folder)


@receipt.command("show", cls=Command)
@click.argument("folder", type=param_types.FOLDER, metavar="FOLDER", help="A neuron's folder.")
@click.argument("period", type=click.IntRange(0), metavar="PERIOD", help="The period's number.")
@arguments.json
def show(folder: Path, period: int, json: bool) -> None:
    """List the records of a period: what `export` takes by its INDEX."""
    import msgspec

    from assay.cli import output
    from assay.neuron.receipts import ReceiptRecord, Receipts

    log = Receipts(folder / "receipts")
    log.summary(period)
    rows = []
    for index, entry in enumerate(log.entries(period)):
        row: dict[str, Any] = {"index": index, "turn": None, "uid": None, "target": None}
        row |= {"method": None, "outcome": "hash alone"}
        if entry.record is not None:
            record = msgspec.msgpack.decode(entry.record, type=ReceiptRecord)
            row |= {
                "turn": record.turn,
                "uid": record.uid,
                "target": record.target,
                "method": record.method,
                "outcome": record.failure or "reply",
            }
        rows.append(row)
    if json:
        output.document(rows)
        return
    columns = ("index", "turn", "uid", "outcome", "target")
    output.table(
        f"Records of period {period}",
        columns,
        [
            tuple("" if row[name] is None else _one_line(row[name]) for name in columns)
            for row in rows
        ],
    )


@receipt.command("export", cls=Command)
@click.argument("folder", type=param_types.FOLDER, metavar="FOLDER", help="A neuron's folder.")
@click.argument("period", type=click.IntRange(0), metavar="PERIOD", help="The period's number.")
@click.argument(
    "index",
    type=click.IntRange(0),
    metavar="INDEX",
    help="The record's place in it, as `show` says; the first is 0.",
)
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
        raise UserError(f"{error}.", "See `assay receipt show`.") from None
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
    from assay.gateway.receipts import read_client_receipt

    of_client = read_client_receipt(file)
    if of_client is not None:
        _verify_client(of_client, json=json)
        return
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
        shown = said | {"holds": "yes", "signed_by": " and ".join(said["signed_by"]) or "nobody"}
        output.text("\n".join(f"{name:10} {_one_line(value)}" for name, value in shown.items()))


@receipt.command("judge", cls=TaskCommand, loads=[validator_half])
@click.argument("file", type=param_types.FILE, metavar="FILE", help="A client's receipt.")
@arguments.task()
@arguments.json
def judge(chosen: ChosenTask, file: Path, json: bool, **_: Any) -> None:
    """Judge a client's receipt as validators would: which miner's answer is right, and which not.

    Leaves with 0 if all are right, with 3 if one is wrong, and with 4 if none is wrong and one
    cannot be judged.
    """
    from assay.cli import output
    from assay.cli.process import run_async
    from assay.errors import Refused, Unavailable, UserError
    from assay.files import read_limited
    from assay.gateway.receipts import RECEIPT_BYTES_MAX

    data = read_limited(file, RECEIPT_BYTES_MAX)
    if data is None:
        raise UserError(f"There is no file {file}.", "Check the path.")
    kind = chosen.validator
    settings = chosen.settings(kind)
    calls = run_async(lambda: kind().judge_receipt(data, settings))
    words = {True: "verified", False: "convicted", None: "cannot be judged"}
    rows = [
        {"miner": call.miner, "verdict": words[call.right], "reasons": list(call.reasons)}
        for call in calls
    ]
    if json:
        output.document(rows)
    else:
        for call in calls:
            said = f"{call.miner}  {words[call.right]}: {'; '.join(call.reasons)}"
            output.text(_one_line(said))
    if wrong := sum(call.right is False for call in calls):
        raise Refused(
            f"{wrong} of {len(calls)} answers cannot be the model's.",
            "The miner's signature stands under each: the receipt shows it to anybody.",
        )
    if unclear := sum(call.right is None for call in calls):
        raise Unavailable(
            f"{unclear} of {len(calls)} answers cannot be judged, and none is wrong.",
            "The reasons stand with each.",
        )


@receipt.command("complain", cls=Command)
@click.argument("file", type=param_types.FILE, metavar="FILE", help="A client's receipt.")
@click.option(
    "--validator", "validators", multiple=True, metavar="UID|SS58",
    show_default="all that hold a permit",
    help="Who is to judge; repeat it for more.",
)  # fmt: skip
@click.option(
    "--call", "place", type=click.IntRange(0), metavar="INDEX",
    help="Which miner's part is wrong, in the order of `judge`; the first is 0. Needed if the"
    " receipt has several.",
)  # fmt: skip
@arguments.wallet("client")
@arguments.hotkey
@arguments.chain
@arguments.state_dir
@arguments.wallet_path
@arguments.json
def complain(
    file: Path,
    validators: tuple[str, ...],
    place: int | None,
    wallet: str,
    hotkey: str,
    chain: str,
    state_dir: Path,
    wallet_path: Path | None,
    json: bool,
) -> None:
    """Show a miner's wrong answer to validators, which judge it and pay the miner less.

    Any hotkey that is registered on the subnet may complain, within an hour of the answer; judge it
    yourself first. Leaves with 0 if a validator has judged the answer, whatever it found.
    """
    from assay.chain.wallets import open_hotkey
    from assay.cli import output
    from assay.cli.process import run_async
    from assay.errors import UserError
    from assay.gateway.complaints import Heard, complain, complained_of, judges_of, unheard
    from assay.gateway.receipts import read_client_receipt
    from assay.neuron.run import open_subnet
    from assay.wire.dendrite import Dendrite

    of_client = read_client_receipt(file)
    if of_client is None:
        raise UserError(
            f"{file} is no client's receipt.", "Fetch it from the gateway: GET /v1/receipts/ID."
        )
    call = complained_of(of_client, place)
    signer = open_hotkey(arguments.wallets_of(state_dir, wallet_path), wallet, hotkey)

    async def ask() -> list[Heard]:
        async with open_subnet(chain, of_client.netuid, state_dir=state_dir) as subnet:
            if subnet.genesis != of_client.genesis:
                raise UserError("The receipt is of another chain.", "Give that one as --chain.")
            moment = subnet.view.now()
            judges = judges_of(moment, signer.address, validators)
            dendrite = Dendrite(signer, clock=subnet.clock, reach=subnet.reach)
            try:
                return await complain(call, judges, moment, dendrite)
            finally:
                await dendrite.close()

    heard = run_async(ask)
    if json:
        output.document([
            {"uid": each.uid, "validator": each.hotkey, "miner": call.miner, "found": each.found,
             "reasons": list(each.reasons)}
            for each in heard
        ])  # fmt: skip
    else:
        for each in heard:
            said = f"uid {each.uid}  {each.hotkey}  {each.found}: {'; '.join(each.reasons)}"
            output.text(_one_line(said))
    if (error := unheard(heard)) is not None:
        raise error


def _verify_client(receipt: ClientReceipt, *, json: bool) -> None:
    """Check what a gateway gave its client. The signatures need no chain: the hotkeys are in it."""
    from assay.cli import output
    from assay.errors import Refused
    from assay.gateway.receipts import receipt_fault

    fault = receipt_fault(receipt)
    if fault is not None:
        raise Refused(
            f"The receipt does not hold: {fault}.", "Ask whoever gave the file for a true one."
        )
    miners = [call.miner for call in receipt.calls]
    said = {
        "holds": True,
        "gateway": receipt.gateway,
        "netuid": receipt.netuid,
        "genesis": receipt.genesis,
        "model": receipt.model.hex(),
        "created": receipt.created,
        "miners": miners,
        "verified": [call.verified for call in receipt.calls],
        "signed_by": list(dict.fromkeys([receipt.gateway, *miners])),
    }
    if json:
        output.document(said)
        return
    shown = said | {
        "holds": "yes",
        "miners": " then ".join(
            f"{call.miner} ({'paid by' if call.verified else 'not paid by'} the validators then)"
            for call in receipt.calls
        ),
        "signed_by": " and ".join(dict.fromkeys([receipt.gateway, *miners])),
    }
    del shown["verified"]
    output.text("\n".join(f"{name:10} {_one_line(value)}" for name, value in shown.items()))


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
