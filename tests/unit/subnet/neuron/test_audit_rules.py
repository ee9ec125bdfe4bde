"""Each rule of a recheck alone, with records of a few signed calls."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from assay.chain.interface import BlockRef, Endpoint
from assay.chain.view import Moment
from assay.clock import ManualClock
from assay.errors import UserError
from assay.neuron import merkle
from assay.neuron.audit import (
    PROOF_BYTES_MAX,
    Audit,
    check_challenges,
    check_evidence,
    check_links,
    parse_proof,
    read_proof,
    receipt_problem,
)
from assay.neuron.peers import Origin, Peers, Target
from assay.neuron.receipts import START, Period, Proof, ReceiptRecord, record_of
from assay.neuron.seeds import target_rng, turn_seed
from assay.neuron.task import Pace
from assay.types import BlockNumber
from assay.wire.errors import RequestRefused
from assay.wire.evidence import pack, unpack
from assay.wire.interface import Caller, Method
from assay.wire.memory import MemoryAxon, MemoryDendrite, MemoryNetwork
from examples.reverse import Reverse, Reversed, ReverseTask
from tests.unit.subnet.neuron.worlds import key, make_world

VALIDATOR, CLIENT, MINER = key(1), key(2), key(3)
GENESIS = "0x" + "ab" * 32
LINK = bytes(range(32))
REVERSE = Method("", Reverse, Reversed)
STREAM = Method("many", Reverse, Reversed, stream=True)


def hash_of(number: int) -> bytes:
    """The hash of a block of the chain that the tests' validator follows."""
    return sha256(b"block %d" % number).digest()


def known(number: BlockNumber) -> bytes | None:
    return hash_of(number) if number < 1_000 else None


class Asked:
    """Asks the miner for real, and writes down what came back."""

    def __init__(self, peers: dict[str, Peers], target: Target) -> None:
        self._peers = peers
        self.target = target

    async def record(
        self,
        turn: int,
        block: int = 100,
        *,
        who: str = "validator",
        method: Method[Any, Any] = REVERSE,
        request: Reverse | None = None,
        origin: Origin = Origin.SYNTHETIC,
    ) -> ReceiptRecord:
        rng = target_rng(turn_seed(LINK, hash_of(block), turn), MINER.address)
        if request is None:
            request = ReverseTask().challenge(rng, self.target)
        answer = await self._peers[who].call(self.target, method, request, deadline_s=5.0)
        at = BlockRef(BlockNumber(block), "0x" + hash_of(block).hex())
        answer = dataclasses.replace(answer, origin=origin)
        return record_of(answer, period=4, turn=turn, at=at)


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    clock, network = ManualClock(), MemoryNetwork()

    async def reverse(request: Reverse, caller: Caller) -> Reversed:
        if request.text == "refuse":
            raise RequestRefused("too hard for me")
        return Reversed(text=request.text[::-1])

    async def many(request: Reverse, caller: Caller) -> AsyncIterator[Reversed]:
        if request.text != "nothing":
            yield Reversed(text="one")
        if request.text == "break":
            raise RequestRefused("no more")

    axon = MemoryAxon(MINER, network, clock=clock)
    axon.attach(Method("reverse", Reverse, Reversed, reverse))
    axon.attach(Method("reverse.many", Reverse, Reversed, many, stream=True))
    await axon.start()
    world = await make_world({MINER: Endpoint("127.0.0.1", axon.port)})
    at = await world.chain.finalized()
    moment = Moment(at, await world.chain.metagraph(world.netuid, at), {})
    peers = {
        who: Peers(
            MemoryDendrite(signer, network, clock=clock),
            task="reverse",
            own=signer.address,
            now=lambda: moment,
        )
        for who, signer in (("validator", VALIDATOR), ("client", CLIENT))
    }
    target = peers["validator"].find(MINER.address)
    assert target is not None
    yield Asked(peers, target)
    await axon.stop()


def changed(record: ReceiptRecord, **fields: Any) -> ReceiptRecord:
    return msgspec.structs.replace(record, **fields)


def period_of(*records: ReceiptRecord) -> Period:
    leaves = [merkle.leaf(msgspec.msgpack.encode(record)) for record in records]
    return Period(
        number=4, records=len(records), left_out=0, root=merkle.root(leaves),
        before=START, tip=sha256(LINK).digest(), link=LINK,
    )  # fmt: skip


def proof_of(record: ReceiptRecord, /, **fields: Any) -> Proof:
    return Proof(
        **{
            "genesis": GENESIS, "netuid": 1, "validator": VALIDATOR.address,
            "record": msgspec.msgpack.encode(record), "index": 0, "siblings": [], "later": [],
            "period": period_of(record), **fields,
        }
    )  # fmt: skip


def redrawn(
    *records: ReceiptRecord | bytes | None, turn: int | None = None, task: Any = None
) -> Audit:
    audit = Audit(turn=turn)
    raw = [msgspec.msgpack.encode(r) if isinstance(r, ReceiptRecord) else r for r in records]
    check_challenges(
        task or ReverseTask(), period_of(), raw, audit,
        validator=VALIDATOR.address, block_hash=known,
    )  # fmt: skip
    return audit


async def test_what_was_signed_is_what_the_record_says(asked: Asked) -> None:
    record = await asked.record(1)
    assert check_evidence(record, VALIDATOR.address) is None
    for fields, words in (
        ({"evidence": None}, "it has a reply and no evidence"),
        ({"evidence": b"anything"}, "it is not evidence of a call"),
        ({"target": CLIENT.address}, "its evidence is of another call"),
        ({"method": "many"}, "its evidence is of another method"),
        ({"origin": "organic"}, "it says organic, and its evidence is of another caller"),
        ({"origin": "nobody" * 9}, "it says nobodynobodynobodyno, which is nobody who asks"),
        ({"failure": "w" * 50}, f"it says {'w' * 40}, and the evidence says reply"),
        ({"request": b"another"}, "the request is not the one that was signed"),
        ({"reply": b"another"}, "the reply is not the one that was signed"),
    ):
        assert check_evidence(changed(record, **fields), VALIDATOR.address) == words
    for fields in ({"request": None}, {"reply": None}, {"failure": "reply_malformed"},
                   {"failure": "empty_stream"}):  # fmt: skip
        assert check_evidence(changed(record, **fields), VALIDATOR.address) is None
    nobody = changed(record, evidence=None, failure="peer_unreachable")
    assert check_evidence(nobody, VALIDATOR.address) is None, "there is nothing to check"


async def test_a_clients_record_is_of_another_caller_than_the_validator(asked: Asked) -> None:
    record = await asked.record(1, who="client", origin=Origin.ORGANIC)
    assert check_evidence(record, VALIDATOR.address) is None
    assert check_evidence(record, CLIENT.address) is not None
    mine = changed(record, origin="synthetic")
    assert "of another caller" in str(check_evidence(mine, VALIDATOR.address))


async def test_a_refusal_is_no_reply(asked: Asked) -> None:
    record = await asked.record(1, request=Reverse(text="refuse"))
    assert record.failure == "refused_by_task"
    assert check_evidence(record, VALIDATOR.address) is None
    claimed = changed(record, failure=None)
    assert "the evidence says otherwise" in str(check_evidence(claimed, VALIDATOR.address))


@pytest.mark.parametrize(
    ("text", "failure"),
    [("whole", None), ("break", "refused_by_task"), ("nothing", "empty_stream")],
)
async def test_a_stream_is_a_reply_only_if_it_was_signed_as_whole(
    asked: Asked, text: str, failure: str | None
) -> None:
    record = await asked.record(1, method=STREAM, request=Reverse(text=text))
    assert record.failure == failure
    assert check_evidence(record, VALIDATOR.address) is None
    wrong = changed(record, failure=None if text == "break" else "handler_failed")
    assert check_evidence(wrong, VALIDATOR.address) is not None


@pytest.mark.parametrize(
    ("target", "method", "right"),
    [
        ("/v1/reverse", "", True),
        ("/v1/reverse?x=.many", "", True),
        ("/v1/reverse.many?x", "many", True),
        ("/v1/reverse.many", "", False),
        ("/v1/.many", "many", False),
        ("/other/reverse.many", "many", False),
        ("reverse.many", "many", False),
    ],
)
async def test_the_path_is_of_the_method_of_some_task(
    asked: Asked, target: str, method: str, right: bool
) -> None:
    record = await asked.record(1)
    assert record.evidence is not None
    evidence = msgspec.structs.replace(unpack(record.evidence), target=target)
    wrong = check_evidence(
        changed(record, evidence=pack(evidence), method=method), VALIDATOR.address
    )
    assert (wrong != "its evidence is of another method") == right


async def test_a_receipt_without_a_problem_leads_to_the_root(asked: Asked) -> None:
    record = await asked.record(1)
    proof = proof_of(record)
    assert receipt_problem(proof, record, genesis=GENESIS) is None
    assert parse_proof(msgspec.json.encode(proof)) == (proof, record)
    period = proof.period
    elsewhere = proof_of(record, genesis="0xother")
    for wrong, of, words in (
        (elsewhere, record, "it is of the chain 0xother"),
        (proof, changed(record, period=5), "its record is of another period"),
        (proof, changed(record, method="x"), "its evidence is of another method"),
        (proof_of(record, index=1), record, "there is no leaf 1 among 1"),
        (
            proof_of(record, period=msgspec.structs.replace(period, link=bytes(32))),
            record,
            "the link of its period does not follow its tip",
        ),
        (
            proof_of(record, period=msgspec.structs.replace(period, root=bytes(32))),
            record,
            "the record is not among those of its period",
        ),
    ):
        assert receipt_problem(wrong, of, genesis=GENESIS) == words


async def test_a_file_is_a_receipt_or_told_to_be_none(asked: Asked, tmp_path: Path) -> None:
    record = await asked.record(1)
    file = tmp_path / "receipt.json"
    with pytest.raises(UserError, match="There is no file"):
        read_proof(file)
    proof = proof_of(record)
    file.write_bytes(msgspec.json.encode(proof))
    assert read_proof(file) == (proof, record)
    for data, words in (
        (b"{}", "missing required field"),
        (b"[" * 100_000, ""),
        (msgspec.json.encode(proof) + b"\n", "written otherwise"),
        (msgspec.json.encode(proof_of(record, record=b"\xc1")), ""),
        (msgspec.json.encode(proof_of(record, version=2)), "it is of version 2, not 1"),
        (msgspec.json.encode(proof_of(record, record=padded(record))), "written otherwise"),
    ):
        file.write_bytes(data)
        with pytest.raises(UserError, match=rf"receipt\.json is not a receipt: .*{words}"):
            read_proof(file)
    file.write_bytes(b" " * (PROOF_BYTES_MAX + 1))
    with pytest.raises(UserError):
        read_proof(file)


def padded(record: ReceiptRecord) -> bytes:
    """The record with its fields in another order, which means the same."""
    fields = msgspec.msgpack.decode(msgspec.msgpack.encode(record))
    return msgspec.msgpack.encode(dict(reversed(fields.items())))


def test_a_link_follows_its_tip_and_the_chain_showed_the_tip() -> None:
    period = period_of()
    for link, shown, words in (
        (LINK, {period.tip}, []),
        (bytes(32), {period.tip}, ["The link of period 4 does not follow its tip."]),
        (LINK, {LINK}, ["The chain never showed the tip of period 4."]),
    ):
        audit = Audit()
        check_links([msgspec.structs.replace(period, link=link)], shown, audit)
        assert audit.problems == words
        assert audit.challenges == 0


async def test_a_challenge_counts_if_it_is_drawn_again_bit_for_bit(asked: Asked) -> None:
    record = await asked.record(1)
    audit = redrawn(record)
    assert (audit.challenges, audit.turn, audit.problems) == (1, 1, [])
    other = await asked.record(1, request=Reverse(text="of its own choice"))
    for claimed, words in (
        (other, "it asked something else than its seed says"),
        (changed(record, period=5), "it is of another period"),
        (changed(record, block_hash=bytes(32)), "the chain has another block 100"),
        (changed(record, block=BlockNumber(5_000)), "the chain has another block 5000"),
        (changed(record, method="x"), "its evidence is of another method"),
    ):
        audit = redrawn(claimed)
        assert audit.problems == [f"Turn 1, uid {asked.target.uid}: {words}."]
        assert (audit.challenges, audit.turn) == (0, 1)


async def test_what_cannot_be_drawn_again_is_passed_over_and_the_rest_is_not(asked: Asked) -> None:
    first, second = await asked.record(1), await asked.record(2, 101)
    client = await asked.record(9, who="client", origin=Origin.ORGANIC)
    large = changed(await asked.record(1), request=None)
    audit = redrawn(first, client, large, b"\xc1", None, second)
    assert (audit.challenges, audit.turn) == (2, 2)
    (unread,) = audit.problems
    assert unread.startswith("A record of period 4 cannot be read")
    audit = redrawn(client, large)
    assert (audit.challenges, audit.turn, audit.problems) == (0, None, [])


async def test_a_record_is_written_down_once(asked: Asked) -> None:
    record = await asked.record(1)
    again = await asked.record(1)
    audit = redrawn(record, again, record)
    assert audit.challenges == 1
    assert audit.problems == [f"Turn 1, uid {asked.target.uid}: is written down twice."] * 2
    elsewhere = await asked.record(1, 101)  # a count that began anew at another block
    assert redrawn(record, elsewhere).problems == []


@pytest.mark.parametrize(
    ("before", "hidden", "turn", "right"),
    [
        (None, 0, 50, True),
        (7, 0, 7, True),
        (7, 0, 8, True),
        (7, 0, 9, False),
        (7, 0, 6, False),
        (7, 0, 1, True),  # a count begins anew where a validator's memory was removed
        (7, 0, 2, False),
        (7, 1, 9, True),
        (7, 1, 10, False),
        (7, 2, 10, True),
        (7, 2, 6, False),
    ],
)
async def test_a_turn_has_the_number_that_follows(
    asked: Asked, before: int | None, hidden: int, turn: int, right: bool
) -> None:
    """Each hidden record may be of a turn of its own. Who may choose the number of a turn can
    choose its challenges."""
    audit = redrawn(*[None] * hidden, await asked.record(turn), turn=before)
    words = f"Turn {turn}, uid {asked.target.uid}: its number does not follow {before}."
    assert audit.problems == ([] if right else [words])
    assert (audit.challenges, audit.turn) == (int(right), turn)


async def test_hidden_records_count_up_to_the_next_whole_one(asked: Asked) -> None:
    first, later = await asked.record(3), await asked.record(5, 101)
    assert redrawn(None, first, later, turn=1).problems == [
        f"Turn 5, uid {asked.target.uid}: its number does not follow 3."
    ]


async def test_at_a_pace_in_blocks_the_block_gives_the_number(asked: Asked) -> None:
    class Paced(ReverseTask):
        pace = Pace.blocks(10)

    task = Paced()
    assert redrawn(await asked.record(10, 100), turn=3, task=task).problems == []
    assert redrawn(await asked.record(11, 100), turn=3, task=task).problems != []


async def test_a_challenge_may_depend_on_what_its_target_had_published(asked: Asked) -> None:
    class Knows(ReverseTask):
        def challenge(self, rng: random.Random, target: Target) -> Reverse:
            return Reverse(
                text=f"{rng.random()} {target.uid} {target.hotkey} {target.commitment!r}"
            )

    asked.target = dataclasses.replace(asked.target, commitment=b"a model")
    rng = target_rng(turn_seed(LINK, hash_of(100), 1), MINER.address)
    record = await asked.record(1, request=Knows().challenge(rng, asked.target))
    assert redrawn(record, task=Knows()).problems == []
    other = changed(record, commitment=b"another model")
    assert "asked something else" in str(redrawn(other, task=Knows()).problems)
