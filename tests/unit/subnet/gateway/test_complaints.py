"""A complaint shows one call to validators and tells what each of them found, or why it did not."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from assay.chain.interface import Commitment, Endpoint, Moment
from assay.cli.app import app
from assay.errors import Refused, Unavailable, UserError
from assay.gateway.complaints import Heard, complain, complained_of, judges_of, unheard
from assay.neuron.record import NeuronRecord, Role
from assay.protocol.client_receipts import CallInvalid, read_call
from assay.protocol.handing_on import COMPLAIN, Judgement, ShownCall
from assay.protocol.inference import NAME, Piece
from assay.types import BlockNumber
from assay.wire.errors import Code, RequestRefused
from assay.wire.interface import Caller, Method
from assay.wire.memory import MemoryAxon, MemoryDendrite, MemoryNetwork
from assay.wire.synapse import decode, encode
from tests.unit.subnet.gateway.miners import _moment, _neuron, key
from tests.unit.subnet.gateway.test_receipts import calls, receipt

CLIENT = key(77)
JUDGES = [key(number) for number in (60, 61, 62)]

Says = Callable[[ShownCall], Judgement]


@contextlib.asynccontextmanager
async def validators(*says: Says | None) -> AsyncIterator[tuple[MemoryNetwork, Moment]]:
    """A subnet of validators, by what each says to a complaint; None: it listens no more."""
    network, commitments = MemoryNetwork(), {}
    neurons = [_neuron(0, CLIENT.address, None, 0, permit=False)]
    async with contextlib.AsyncExitStack() as stack:
        for uid, (signer, say) in enumerate(zip(JUDGES, says, strict=False), 1):
            axon = MemoryAxon(signer, network, on_fault=lambda *_: None)

            async def judge(shown: ShownCall, caller: Caller, say: Says | None = say) -> Judgement:
                assert caller.address == CLIENT.address and say is not None
                return say(shown)

            axon.attach(Method(f"{NAME}.{COMPLAIN}", ShownCall, Judgement, judge))
            await axon.start()
            stack.push_async_callback(axon.stop)
            neurons.append(
                _neuron(uid, signer.address, Endpoint("127.0.0.1", axon.port), 0, permit=True)
            )
            record = NeuronRecord(Role.VALIDATOR).pack()
            assert record is not None
            commitments[signer.address] = Commitment(record, BlockNumber(1))
            if say is None:
                await axon.stop()
        yield network, _moment(neurons, commitments)


def found(right: bool | None, *reasons: str) -> Says:
    def say(shown: ShownCall) -> Judgement:
        try:
            read_call(shown.call)
        except CallInvalid as error:
            raise RequestRefused(str(error)) from None
        return Judgement(right=right, reasons=list(reasons))

    return say


def refuse(shown: ShownCall) -> Judgement:
    raise RequestRefused("the call was judged already")


def busy(shown: ShownCall) -> Judgement:
    raise RequestRefused(Code.OVERLOADED, "later", retry_after_s=1.0)


async def heard(network: MemoryNetwork, moment: Moment, *named: str) -> list[Heard]:
    [first, _] = await calls()
    judges = judges_of(moment, CLIENT.address, named)
    return await complain(first, judges, moment, MemoryDendrite(CLIENT, network))


async def test_each_validator_is_asked_and_says_what_it_found() -> None:
    says = (found(False, "a token has no probability"), found(None, "no model"), refuse)
    async with validators(*says) as (network, moment):
        told = await heard(network, moment)
    assert [(each.uid, each.hotkey, each.found) for each in told] == [
        (uid, signer.address, word)
        for uid, signer, word in zip(
            (1, 2, 3), JUDGES, ("wrong", "unclear", "refused"), strict=True
        )
    ]
    assert told[0].reasons == ["a token has no probability"]
    assert "judged already" in told[2].reasons[0]
    assert unheard(told) is None


async def test_validators_can_be_named_by_uid_and_hotkey() -> None:
    async with validators(found(True), found(True), found(True)) as (network, moment):
        told = await heard(network, moment, "3", JUDGES[0].address, "1")
        assert [(each.uid, each.found) for each in told] == [(1, "right"), (3, "right")]
        for name in ("0", "9", CLIENT.address, "x"):
            with pytest.raises(UserError, match="is no validator"):
                judges_of(moment, CLIENT.address, [name])


async def test_a_complaint_that_nobody_takes_is_an_error_with_a_cure() -> None:
    async with validators(refuse, busy, None) as (network, moment):
        told = await heard(network, moment)
        assert [each.found for each in told] == ["refused", "refused", "no answer"]
        error = unheard(told)
        assert error is not None and error.exit_code == 2
        assert "uid 1" in error.cause and "judged already" in error.cause and error.cure
        alone = unheard(await heard(network, moment, "3"))
        assert isinstance(alone, Unavailable)
    async with validators() as (_, moment):
        with pytest.raises(UserError, match="No validator with a permit"):
            judges_of(moment, CLIENT.address, [])


async def test_a_complaint_is_of_one_call() -> None:
    made = await calls()
    both = receipt(1, made)
    with pytest.raises(UserError, match="the calls of 2 miners"):
        complained_of(both, None)
    assert complained_of(both, 1) == made[1]
    assert complained_of(receipt(1, made[:1]), None) == made[0]
    with pytest.raises(UserError, match="has 2 calls"):
        complained_of(both, 2)


async def test_a_receipt_that_does_not_hold_costs_no_validator_any_time() -> None:
    first, second = await calls()
    piece = msgspec.structs.replace(decode(Piece, first.frames[0]), tokens=[7])
    false = msgspec.structs.replace(first, frames=[encode(piece), *first.frames[1:]])
    with pytest.raises(Refused, match="does not hold"):
        complained_of(receipt(1, [false, second]), 0)


async def test_the_command_says_what_is_wrong_before_it_looks_for_a_chain(tmp_path: Path) -> None:
    file, wallet = tmp_path / "receipt.json", tmp_path / "client"
    (wallet / "hotkeys").mkdir(parents=True)
    for content, said in (
        (b"{}", "is no client's receipt"),
        (msgspec.json.encode(receipt(1, await calls())), "the calls of 2 miners"),
    ):
        file.write_bytes(content)
        words = ["receipt", "complain", str(file), "--wallet-path", str(tmp_path)]
        done = CliRunner().invoke(app, words)
        assert isinstance(done.exception, UserError) and said in done.exception.cause
    helped = CliRunner().invoke(app, ["receipt", "complain", "--help"])
    assert helped.exit_code == 0 and "--validator" in helped.output
