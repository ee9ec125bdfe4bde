"""A third party draws a validator's challenges again, from its folder and the chain alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import msgspec

from assay.neuron.audit import (
    Audit,
    check_challenges,
    check_evidence,
    check_links,
    parse_proof,
    receipt_problem,
)
from assay.neuron.receipts import Proof, ReceiptRecord, Receipts, prove
from assay.neuron.record import parse
from assay.wire.memory import MemoryNetwork
from examples.reverse import ReverseTask
from tests.unit.subnet.neuron.worlds import (
    GENESIS,
    World,
    flowing,
    key,
    make_miner,
    make_validator,
    make_world,
    until,
)

VALIDATOR = key(1)
MINERS = [key(number) for number in range(2, 8)]


async def run_until(folder: Path, records: int) -> tuple[World, set[bytes], bytes]:
    """Run a validator until its closed periods hold so many records; what its chain showed."""
    world = await make_world(dict.fromkeys([VALIDATOR, *MINERS]))
    network = MemoryNetwork()
    miners = [make_miner(world, network, miner, ReverseTask()) for miner in MINERS]
    validator = make_validator(world, network, VALIDATOR, folder)
    tips: set[bytes] = set()
    root = b""

    def enough() -> bool:
        nonlocal root
        subnet = world.ledger.state_at(world.ledger.finalized).subnet(world.netuid)
        if VALIDATOR.address in subnet.commitments:
            shown = parse(subnet.commitments[VALIDATOR.address].data)
            assert shown.seed_tip is not None
            assert shown.receipts_root is not None
            tips.add(shown.seed_tip)
            root = shown.receipts_root
        log = Receipts(folder / "receipts")
        closed = log.periods()
        return sum(p.records for p in closed) >= records and log.root == root

    async with flowing(world):
        running = [asyncio.create_task(neuron.run()) for neuron in (*miners, validator)]
        while not enough():
            for task in running:
                assert not task.done(), task.result()
            seen = validator.memory.round
            await until(lambda: validator.memory.round > seen, "turns go on")  # noqa: B023
        for neuron in (*miners, validator):
            neuron.stop.set()
        await asyncio.gather(*running)
    return world, tips, root


def hashes_of(world: World) -> Callable[[int], bytes | None]:
    """A block's hash as the chain of ``world`` has it."""
    return lambda number: bytes.fromhex(world.ledger.ref_of(number).hash[2:])


async def test_a_thousand_challenges_are_drawn_again_bit_for_bit(tmp_path: Path) -> None:
    world, tips, root = await run_until(tmp_path, 1_000)
    log = Receipts(tmp_path / "receipts")
    audit = Audit()
    check_links(log.periods(), tips, audit)
    hashes = set()
    for period in log.periods():
        records = log.records(period.number)
        check_challenges(
            ReverseTask(), period, records, audit,
            validator=VALIDATOR.address, block_hash=hashes_of(world),
        )  # fmt: skip
        for raw in records:
            record = msgspec.msgpack.decode(raw, type=ReceiptRecord)
            hashes.add((record.block, record.block_hash))
    assert audit.problems == []
    assert audit.challenges >= 1_000
    for number, digest in hashes:
        assert digest == bytes.fromhex(world.ledger._ref(number).hash[2:]), "the chain's own hash"
    last = log.periods()[-1]
    index = last.records - 1
    proof = prove(log, last.number, index, genesis=GENESIS, netuid=1, validator=VALIDATOR.address)
    assert proof.running() == root, "what the chain shows"


async def test_a_validator_that_chose_its_challenges_is_seen(tmp_path: Path) -> None:
    world, tips, _ = await run_until(tmp_path, 60)
    log = Receipts(tmp_path / "receipts")
    period = log.periods()[-1]

    class Chooses(ReverseTask):
        def challenge(self, rng, target):  # type: ignore[no-untyped-def]
            rng.random()
            return super().challenge(rng, target)

    audit = Audit()
    check_challenges(
        Chooses(), period, log.records(period.number), audit,
        validator=VALIDATOR.address, block_hash=hashes_of(world),
    )  # fmt: skip
    assert audit.challenges == 0
    assert len(audit.problems) == period.records
    forged = msgspec.structs.replace(period, link=bytes(32))
    audit = Audit()
    check_links([forged], tips, audit)
    check_links([msgspec.structs.replace(period, tip=bytes(32))], tips, audit)
    assert len(audit.problems) >= 3


async def test_true_receipts_hold_and_no_mutated_one_does(tmp_path: Path) -> None:
    """Each of a thousand receipts holds; a change of any part of one shows."""
    _, _, root = await run_until(tmp_path, 1_000)
    log = Receipts(tmp_path / "receipts")
    held = 0
    proofs = []
    for period in log.periods():
        for index in range(period.records):
            proof = prove(
                log, period.number, index, genesis=GENESIS, netuid=1, validator=VALIDATOR.address
            )
            record = msgspec.msgpack.decode(proof.record, type=ReceiptRecord)
            assert receipt_problem(proof, record, genesis=GENESIS) is None
            assert proof.running() == root
            held += 1
            if record.evidence is not None:
                proofs.append(proof)
    assert held >= 1_000
    rng = random.Random(5)
    accepted = 0
    for _ in range(10_000):
        accepted += holds(mutated(rng.choice(proofs), rng), root)
    assert accepted == 0


def mutated(proof: Proof, rng: random.Random) -> bytes:
    """The receipt's file with one meaningful byte changed."""
    data = bytearray(msgspec.json.encode(proof))
    while True:
        at = rng.randrange(len(data))
        before = data[at]
        data[at] = rng.choice(b"0123456789abcdefABCDEFxyz+/")
        if data[at] != before:
            return bytes(data)


def holds(data: bytes, root: bytes) -> bool:
    try:
        proof, record = parse_proof(data)
    except ValueError:
        return False
    if (proof.netuid, proof.validator) != (1, VALIDATOR.address):
        return False  # another's root is looked up on chain, and this one is not there
    return receipt_problem(proof, record, genesis=GENESIS) is None and proof.running() == root


async def test_no_part_of_a_record_can_be_chosen(tmp_path: Path) -> None:
    """What a validator may want to claim of a reply that a miner signed, and that is seen."""
    world, _, _ = await run_until(tmp_path, 60)
    log = Receipts(tmp_path / "receipts")
    period = log.periods()[-1]
    true = [msgspec.msgpack.decode(raw, type=ReceiptRecord) for raw in log.records(period.number)]
    replied = next(record for record in true if record.failure is None)
    assert check_evidence(replied, VALIDATOR.address) is None
    for claim in (
        {"failure": "handler_failed"},
        {"failure": "deadline_exceeded"},
        {"method": "train.step"},
        {"method": "e"},
        {"origin": "organic"},
        {"origin": "another word"},
        {"target": MINERS[0].address if replied.target != MINERS[0].address else MINERS[1].address},
    ):
        claimed = msgspec.structs.replace(replied, **claim)
        assert check_evidence(claimed, VALIDATOR.address) is not None, claim
    unread = msgspec.structs.replace(replied, failure="reply_malformed")
    assert check_evidence(unread, VALIDATOR.address) is None, "that is the validator's word"

    def found(*records: ReceiptRecord | bytes | None) -> Audit:
        audit = Audit(turn=replied.turn)
        check_challenges(
            ReverseTask(), period,
            [msgspec.msgpack.encode(r) if isinstance(r, ReceiptRecord) else r for r in records],
            audit, validator=VALIDATOR.address, block_hash=hashes_of(world),
        )  # fmt: skip
        return audit

    assert (found(replied).challenges, found(replied).problems) == (1, [])
    for change in (
        {"evidence": b"anything at all"},
        {"turn": replied.turn + 2},
        {"turn": replied.turn - 2 if replied.turn > 3 else replied.turn + 5},
        {"block": replied.block + 1},
        {"block_hash": bytes(32)},
        {"period": period.number + 1},
        {"target": "nonsense"},
        {"turn": -1},
        {"turn": 2**63},
        {"method": "other"},
    ):
        audit = found(msgspec.structs.replace(replied, **change))
        assert audit.challenges == 0, change
        assert len(audit.problems) == 1, change
    assert len(found(b"\xc1").problems) == 1, "a damaged record"
    assert found(replied, replied).problems, "the same challenge twice"
    later = msgspec.structs.replace(replied, turn=replied.turn + 2)
    assert "does not follow" not in str(found(None, later).problems), "a hidden one lies between"
