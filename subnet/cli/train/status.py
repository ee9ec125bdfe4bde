"""`assay train status`: where a run is, and what became of its peers, as the chain has it.

Adds to what the chain says of the last decided window the reasons that validators under the same
state folder wrote down. Nothing is asked of any neuron, so no key is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from assay.cli import arguments
from assay.cli.command import Command
from assay.cli.train.watching import Where, subnet_of, view_options
from assay.errors import UserError
from assay.types import U16_MAX, Ss58

if TYPE_CHECKING:
    from assay.chain.interface import Moment
    from assay.protocol.training.records import PeerRecord
    from assay.training.chain_records import ChainRecords, WindowClosing, WindowPeers
    from assay.training.run_folder import RunFolder


@click.command("status", cls=Command)
@view_options
@arguments.json
@click.pass_context
def status(context: click.Context, /, json: bool, **given: Any) -> None:
    """Show where a run is: window, phase, blocks left, and each peer with reasons."""
    from assay.cli import output
    from assay.cli.process import run_async

    where = Where.of(context)
    run = where.open_run()
    if run is None:
        raise UserError("A status needs the run's folder.", "Give --run a folder, not a root.")
    facts = run_async(lambda: _read(where, run))
    if json:
        output.document(facts)
    else:
        _show(facts)


async def _read(where: Where, run: RunFolder) -> dict[str, Any]:
    from assay.cli.status import local_scores, names_of, reasons_of
    from assay.neuron.folder import NeuronFolder
    from assay.training.chain_records import ChainRecords
    from assay.training.follower import windows_decided
    from assay.training.shown import WindowShown, read_shown

    schedule = run.manifest.schedule
    async with subnet_of(where) as subnet:
        moment = subnet.view.now()
        block = moment.at.number
        place = schedule.place(block)
        records = ChainRecords(subnet.view, schedule)
        decided = windows_decided(schedule, block) - 1
        closing = await _closing(records, decided)
        peers = await _peers(records, min(place.window, schedule.windows - 1), closing)
        told = _said_now(moment, peers)
        block_time_s = await subnet.chain.block_time_s()
        scores = local_scores(where.state_dir, subnet.genesis, where.netuid)
        names = names_of(where.state_dir, moment.metagraph)
        genesis = subnet.genesis

    def shown(hotkey: Ss58) -> WindowShown | None:
        own = NeuronFolder.of(where.state_dir, genesis, where.netuid, hotkey)
        return read_shown(own.task)

    return {
        "run": {"name": run.manifest.name, "root": run.root.hex(), "windows": schedule.windows},
        "block": block,
        "window": place.window,
        "phase": place.phase.value,
        "blocks_left": place.blocks_left,
        "seconds_left": round(place.blocks_left * block_time_s, 1),
        "decided": None if closing is None else _decided(closing),
        "peers": [
            {
                "uid": peer.uid,
                "name": names.get(peer.hotkey, peer.hotkey[:8]),
                "hotkey": peer.hotkey,
                "place": peer.place,
                "incentive": peer.incentive,
                "now": told.get(uid, "nothing yet"),
                "last": None if closing is None else _outcome(uid, closing),
                "shown": shown(peer.hotkey),
                "reasons": reasons_of(peer.hotkey, scores),
            }
            for uid, peer in sorted(peers.by_uid.items())
        ],
    }


async def _closing(records: ChainRecords, window: int) -> WindowClosing | None:
    """What became of the last decided window; None before the first one, and where the chain no
    longer knows."""
    from assay.chain.errors import UnknownBlock

    try:
        return None if window < 0 else await records.closing(window)
    except UnknownBlock:
        return None


async def _peers(records: ChainRecords, window: int, closing: WindowClosing | None) -> WindowPeers:
    """The peers of the present window; before its first block is final, those of the last one."""
    from assay.chain.errors import UnknownBlock
    from assay.training.chain_records import WindowPeers

    try:
        return await records.peers(window)
    except UnknownBlock:
        return closing.peers if closing is not None else WindowPeers(window, {})


def _said_now(moment: Moment, peers: WindowPeers) -> dict[int, str]:
    """What each peer has on chain for the present window."""
    from assay.training.chain_records import records_in

    found: Mapping[int, PeerRecord] = records_in(moment, peers)
    return {uid: "sealed" if each.key is None else "opened" for uid, each in found.items()}


def _decided(closing: WindowClosing) -> dict[str, Any]:
    return {
        "window": closing.window,
        "void": closing.is_void,
        "peers": len(closing.peers.by_uid),
        "counted": sorted(closing.counted),
        "state": None if closing.state is None else closing.state.hex(),
        "validators": len(closing.said),
    }


def _outcome(uid: int, closing: WindowClosing) -> str:
    if uid not in closing.peers.by_uid:
        return "not there"
    if closing.is_void:
        return "void"
    if uid in closing.counted:
        return "counted"
    return "no key in time" if uid in closing.without_message else "not counted"


def _show(facts: dict[str, Any]) -> None:
    from assay.cli import output

    run, decided = facts["run"], facts["decided"]
    title = (
        f"Run {run['name']} · window {facts['window']} of {run['windows']:,} · {facts['phase']},"
        f" {facts['blocks_left']} blocks left ({facts['seconds_left']:g} s) · block"
        f" {facts['block']}"
    )
    last = "last" if decided is None else f"window {decided['window']}"
    output.text(title)
    output.table(
        "",
        ("uid", "who", "place", "inc.", "this window", last),
        [
            (
                str(peer["uid"]), peer["name"], str(peer["place"]),
                f"{peer['incentive'] / U16_MAX:.1%}" if peer["incentive"] else "",
                peer["now"], peer["last"] or "",
            )
            for peer in facts["peers"]
        ],
    )  # fmt: skip
    if decided is not None:
        output.text(_told(decided))
    reasons = [
        f"uid {peer['uid']}: {'; '.join(told)}"
        for peer in facts["peers"]
        if (told := [*(() if peer["shown"] is None else (str(peer["shown"]),)), *peer["reasons"]])
    ]
    if reasons:
        output.text("\n".join(("Why", *reasons)))


def _told(decided: dict[str, Any]) -> str:
    if decided["void"]:
        return (
            f"Window {decided['window']} is void: no majority of validators attested a peer of"
            f" {decided['peers']}. Its data are read again."
        )
    return (
        f"Window {decided['window']} counts {len(decided['counted'])} of {decided['peers']} peers,"
        f" by the word of {decided['validators']} validators."
    )
