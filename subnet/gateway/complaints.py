"""A client's complaint: one miner's part of a receipt, shown to validators, and what they find.

In come a receipt and the validators to be asked; out comes a ``Heard`` for each: what it found, or
why it found nothing. Validators replay the call on the model and convict the miner if the answer
cannot be the model's. They take complaints from registered hotkeys alone, a few a minute, and do
not hear for a while who complains of a right answer; so a complaint is of one call and not of a
whole receipt.

This module knows no wallets, no files and no terminal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from assay.chain.view import Moment
from assay.errors import Refused, Unavailable, UserError
from assay.neuron.peers import Target, targets_of, wire_path
from assay.neuron.record import Role
from assay.protocol.client_receipts import CallRecord, ClientReceipt, SignedCall, receipt_fault
from assay.protocol.handing_on import COMPLAIN, SHOWN_BYTES_MAX, Judgement, ShownCall, size
from assay.protocol.inference import NAME
from assay.types import Ss58, Uid
from assay.wire.errors import CallError, PeerBusy, PeerRefused
from assay.wire.interface import AnyDendrite, Peer

JUDGED_S: Final = 115.0
"""How long a validator may take. It judges one call after the other and rests between them; its
axon ends a call after two minutes."""

Found = Literal["wrong", "right", "unclear", "refused", "no answer"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a complaint at one validator."""

    uid: Uid
    hotkey: Ss58
    found: Found
    reasons: Sequence[str]

    @property
    def is_judged(self) -> bool:
        """Whether the validator has looked at the answer."""
        return self.found not in ("refused", "no answer")


def complained_of(receipt: ClientReceipt, place: int | None) -> CallRecord:
    """Return the call of ``receipt`` that a complaint is of: the one at ``place``, which need not
    be given if it is the only one. UserError if there is no such call, Refused if the receipt does
    not hold."""
    fault = receipt_fault(receipt, whole=False)
    if fault is not None:
        raise Refused(
            f"The receipt does not hold: {fault}.", "Ask the gateway for the true one again."
        )
    calls = receipt.calls
    if place is None and len(calls) > 1:
        raise UserError(
            f"The receipt holds the calls of {len(calls)} miners, and a complaint is of one.",
            "Give --call with its place, from 0, in what `assay receipt judge` prints: a complaint "
            "of a right answer costs you the validators' ear.",
        )
    if not 0 <= (place or 0) < len(calls):
        raise UserError(
            f"The receipt has {len(calls)} calls, counted from 0.", "Give --call within them."
        )
    call = calls[place or 0]
    if size(call) > SHOWN_BYTES_MAX:
        raise UserError(
            f"The call has more than the {SHOWN_BYTES_MAX} bytes that validators take.",
            "Complain of a shorter answer, or of one without alternatives to its tokens.",
        )
    return call


def judges_of(moment: Moment, own: Ss58, named: Sequence[str]) -> list[Target]:
    """Return the validators at ``moment`` that hold a permit and listen; of these only the ones
    that ``named`` names by uid or hotkey, if it names any. UserError for a name that is none of
    theirs, or if there is no validator at all."""
    found = targets_of(moment, own, Role.VALIDATOR)
    if not found:
        raise UserError(
            "No validator with a permit publishes an address on this subnet.",
            "Wait until one does; `assay status` lists the neurons.",
        )
    names = {str(each.uid): each for each in found} | {each.hotkey: each for each in found}
    if unknown := [name for name in named if name not in names]:
        raise UserError(
            f"{unknown[0]} is no validator that holds a permit and publishes an address.",
            "Give one of the uids " + ", ".join(str(each.uid) for each in found) + ".",
        )
    chosen = {names[name].hotkey for name in named} or {each.hotkey for each in found}
    return [each for each in found if each.hotkey in chosen]


async def complain(
    call: SignedCall, judges: Sequence[Target], moment: Moment, dendrite: AnyDendrite
) -> list[Heard]:
    """Show ``call`` to all ``judges`` at once, and return what each of them found, in their
    order."""
    bare = SignedCall(request=call.request, evidence=call.evidence, frames=call.frames)
    shown = ShownCall(call=bare)

    async def hear(judge: Target) -> Heard:
        neuron = moment.metagraph.neurons[judge.uid]
        assert neuron.axon is not None, "judges_of names only those that have one"
        peer = Peer(judge.hotkey, neuron.axon.host, neuron.axon.port)
        try:
            reply = await dendrite.call(
                peer, wire_path(NAME, COMPLAIN), shown, Judgement, deadline_s=JUDGED_S
            )
        except CallError as error:
            refused = isinstance(error, PeerRefused | PeerBusy)
            said: Found = "refused" if refused else "no answer"
            return Heard(judge.uid, judge.hotkey, said, (error.what.removesuffix("."),))
        words: dict[bool | None, Found] = {True: "right", False: "wrong", None: "unclear"}
        judgement = reply.message
        return Heard(judge.uid, judge.hotkey, words[judgement.right], judgement.reasons)

    return list(await asyncio.gather(*(hear(judge) for judge in judges)))


def unheard(heard: Sequence[Heard]) -> UserError | None:
    """Return the error to end with if no validator has judged the answer; None if one has."""
    if any(each.is_judged for each in heard):
        return None
    said = next((each for each in heard if each.found == "refused"), None)
    if said is None:
        return Unavailable("No validator answered.", "Complain again later.")
    return UserError(
        f"No validator took the complaint: uid {said.uid} {'; '.join(said.reasons)}.",
        "A complaint is of a call of the last hour that nobody has judged, by a registered hotkey "
        "that has not complained of a right answer lately.",
    )
