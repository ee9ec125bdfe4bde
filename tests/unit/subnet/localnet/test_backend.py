"""The core through its front door, with a real runtime: open, read, ask, build, open again."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import pytest
import zstandard

from assay.clock import ManualClock
from assay.localnet.backend import (
    Backend,
    CoreLimits,
    InvalidTransaction,
    MissingExport,
    NoSuchBlock,
    RuntimeTrap,
)
from assay.localnet.blocks.builder import named
from assay.localnet.errors import (
    BadGenesis,
    BadRuntime,
    BlockRejected,
    BudgetSpent,
    CallTimeSpent,
    ChainDamaged,
    ChainInUse,
    GenesisDiffers,
    StorageFailed,
)
from assay.localnet.executor.machine import vm
from assay.localnet.executor.machine.code import COMPRESSED_MAGIC
from assay.localnet.executor.machine.vm_binding import CheckedBinding
from assay.localnet.executor.machine.wasm_binary import Outline
from assay.localnet.primitives.header import slot_of
from assay.localnet.primitives.scale import compact, encode_bytes
from tests.unit.subnet.localnet.core_chain import (
    ALICE,
    RUNTIME,
    genesis,
    grow,
    module_cache,
    open_chain,
    sign,
    step,
    transfer,
)


def name_of(extrinsic: bytes) -> bytes:
    return blake2b(extrinsic, digest_size=32).digest()


@pytest.fixture
def chain() -> Iterator[Backend]:
    made = open_chain()
    yield made
    made.close()


# -- genesis


def test_the_same_recipe_makes_the_same_chain(chain: Backend) -> None:
    again = open_chain()
    assert again.genesis_hash == chain.genesis_hash == chain.head.hash
    assert chain.head.number == 0
    assert chain.genesis_config() == again.genesis_config()
    again.close()


def test_a_preset_that_is_not_there_names_those_that_are() -> None:
    recipe = genesis()
    object.__setattr__(recipe, "preset", "nonsense")
    with pytest.raises(BadGenesis, match="no genesis preset named 'nonsense'") as caught:
        Backend.open(None, recipe, module_cache=module_cache())
    assert "Choose one of those it has: " in caught.value.cure


def test_overrides_are_merged_and_wrong_ones_refused(chain: Backend) -> None:
    balances = chain.genesis_config()["balances"]["balances"]
    address = balances[0][0]
    recipe = genesis(balances={"balances": [[address, 123_456_789_000]]})
    other = Backend.open(None, recipe, module_cache=module_cache())
    assert other.genesis_config()["balances"]["balances"] == [[address, 123_456_789_000]]
    assert other.genesis_hash != chain.genesis_hash
    other.close()
    with pytest.raises(BadGenesis, match="refuses the genesis configuration"):
        Backend.open(None, genesis(balances={"balances": "many"}), module_cache=module_cache())


def test_what_is_no_runtime_makes_no_chain(tmp_path: Path) -> None:
    recipe = genesis()
    object.__setattr__(recipe, "code", b"\0asm\x01\0\0\0")
    with pytest.raises(BadRuntime):
        Backend.open(tmp_path, recipe)
    recovered = open_chain(tmp_path)  # nothing half done was left behind
    assert recovered.head.number == 0
    recovered.close()


def test_a_compressed_runtime_is_kept_compressed_and_runs(chain: Backend) -> None:
    recipe = genesis()
    packed = COMPRESSED_MAGIC + zstandard.ZstdCompressor(level=1).compress(recipe.code)
    object.__setattr__(recipe, "code", packed)
    small = Backend.open(None, recipe, module_cache=module_cache())
    assert small.state().get(b":code") == packed
    assert small.runtime_version() == chain.runtime_version()
    assert small.genesis_hash != chain.genesis_hash
    grow(small, 2)
    small.close()


# -- building


def test_a_block_is_built_and_found(chain: Backend) -> None:
    timestamp = chain.earliest_timestamp_ms() + 10_000
    built = chain.build(timestamp, [])
    block = built.block
    assert chain.head is block
    assert (block.number, block.header.parent) == (1, chain.genesis_hash)
    assert slot_of(block.header) == timestamp // chain.slot_duration_ms()
    assert chain.block(block.hash) == block
    assert chain.block_hash(1) == block.hash
    assert (chain.block(bytes(32)), chain.block_hash(2), chain.block_hash(-1)) == (None,) * 3
    assert len(block.extrinsics) >= 1  # the timestamp
    assert (built.included, built.failed, built.postponed) == ((), (), ())
    for key, value in built.changes.items():
        assert chain.state().get(key) == value
        assert chain.state(chain.genesis_hash).get(key) != value


def test_time_must_move_on(chain: Backend) -> None:
    step(chain)
    before = chain.head
    with pytest.raises(BlockRejected, match="before the earliest"):
        chain.build(chain.earliest_timestamp_ms() - 1, [])
    assert chain.head is before
    for _ in range(5):
        step(chain)  # the earliest moment is always accepted
    late_in_a_slot = chain.earliest_timestamp_ms() + chain.slot_duration_ms() - 1
    chain.build(late_in_a_slot, [])
    earliest = chain.earliest_timestamp_ms()
    assert slot_of(chain.head.header) != earliest // chain.slot_duration_ms()
    step(chain)
    # The pallet would have moved an earlier time on by itself; the block has the time we gave.
    now = bytes.fromhex("f0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb")
    assert int.from_bytes(chain.state().get(now) or b"", "little") == earliest
    assert chain.head.number == 8


def test_each_transaction_meets_its_fate(chain: Backend) -> None:
    good = [transfer(chain, nonce) for nonce in range(3)]
    forged = bytearray(transfer(chain, 3))
    forged[60] ^= 1
    future = transfer(chain, 9)
    garbage = encode_bytes(b"\x84not an extrinsic")
    built = chain.build(
        chain.earliest_timestamp_ms(),
        named([good[0], bytes(forged), good[1], future, garbage, good[0], good[2]]),
    )
    assert built.included == tuple(map(name_of, good))
    assert built.postponed == (name_of(future),)
    fates = dict(built.failed)
    assert fates.keys() == {name_of(bytes(forged)), name_of(garbage), name_of(good[0])}
    bad_proof, stale = fates[name_of(bytes(forged))], fates[name_of(good[0])]
    assert isinstance(bad_proof, InvalidTransaction) and bad_proof.kind == "BadProof"
    assert isinstance(stale, InvalidTransaction) and stale.kind == "Stale"
    assert isinstance(fates[name_of(garbage)], RuntimeTrap)
    assert built.block.extrinsics[-3:] == tuple(good)
    step(chain, transfer(chain, 3))


def test_the_number_of_extrinsics_can_be_limited(chain: Backend) -> None:
    taken = 0

    def ready() -> Iterator[bytes]:
        nonlocal taken
        for nonce in range(9):
            taken += 1
            yield transfer(chain, nonce)

    built = chain.build(chain.earliest_timestamp_ms(), named(ready()), max_extrinsics=2)
    assert (len(built.included), taken) == (2, 2)
    nothing = chain.build(chain.earliest_timestamp_ms(), named(ready()), max_extrinsics=0)
    assert (nothing.included, taken) == ((), 2)


def test_a_full_block_postpones(chain: Backend) -> None:
    """Remarks of a megabyte: a few fill the block's length, a small transfer still fits."""
    limits = CoreLimits(skipped_extrinsics_max=3)
    small = Backend.open(None, genesis(), limits=limits, module_cache=module_cache())
    remark = b"\x00\x00" + encode_bytes(bytes(1_000_000))
    ready = [sign(small, ALICE, remark, nonce) for nonce in range(12)]
    built = step(small, *ready)
    assert 1 <= len(built.included) < 12
    # After the first that does not fit, those behind it have a nonce from the future.
    assert built.postponed[0] == name_of(ready[len(built.included)])
    assert built.failed == ()
    small.close()


# -- asking


def test_validation_answers_and_refuses(chain: Backend) -> None:
    first = chain.validate(transfer(chain, 0))
    second = chain.validate(transfer(chain, 1))
    assert set(second.requires) & set(first.provides)
    assert first.longevity > 0
    step(chain, transfer(chain, 0))
    with pytest.raises(InvalidTransaction) as stale:
        chain.validate(transfer(chain, 0))
    assert stale.value.kind == "Stale"
    with pytest.raises(InvalidTransaction) as poor:
        chain.validate(sign(chain, _pauper(), b"\x00\x00\x04x", 0))
    assert poor.value.kind == "Payment"
    with pytest.raises(RuntimeTrap):
        chain.validate(encode_bytes(b"\x84\x00\x01"))


def _pauper() -> object:
    return type(ALICE).create_from_uri("//Pauper")


def test_an_oversized_transaction_never_reaches_the_runtime() -> None:
    limits = CoreLimits(extrinsic_bytes_max=200)
    chain = Backend.open(None, genesis(), limits=limits, module_cache=module_cache())
    chain.validate(transfer(chain, 0))
    with pytest.raises(InvalidTransaction) as caught:
        chain.validate(sign(chain, ALICE, b"\x00\x00" + encode_bytes(bytes(200)), 0))
    assert caught.value.kind == "ExhaustsResources"
    chain.close()


def test_a_query_that_takes_too_long_is_stopped() -> None:
    limits = CoreLimits(fuel_per_query=2_000)
    chain = Backend.open(None, genesis(), limits=limits, module_cache=module_cache())
    with pytest.raises(BudgetSpent, match="used up its fuel"):
        chain.call("Metadata_metadata", b"")
    chain.close()


def test_a_long_question_of_a_stranger_is_stopped_where_little_is_left_for_it(
    chain: Backend,
) -> None:
    """What a question costs is not known before it is asked: the runtime's description is long."""
    assert chain.call("Metadata_metadata", b"", share=0.05)
    with pytest.raises(BudgetSpent, match="used up its"):
        chain.call("Metadata_metadata", b"", share=0.0001)


def test_a_question_names_only_so_many_accounts(chain: Backend) -> None:
    """One about 140,000 coldkeys took 12 seconds; now it ends at their number."""

    def question(count: int, *, all_there: bool = True) -> bytes:
        accounts = [number.to_bytes(32, "big") for number in range(count if all_there else 0)]
        return compact(count) + b"".join(accounts)

    for method, rest in (
        ("StakeInfoRuntimeApi_get_stake_info_for_coldkeys", b""),
        ("StakeInfoRuntimeApi_get_stake_availability_for_coldkeys", b"\0"),
    ):
        assert len(chain.call(method, question(256) + rest)) > 256 * 32
        for argument in (question(257), question(140_000), question(2**30 - 1, all_there=False)):
            with pytest.raises(RuntimeTrap, match="at most 256 items"):
                chain.call(method, argument + rest, share=0.01)
    netuids = b"\x01" + compact(257) + bytes(2 * 257)
    with pytest.raises(RuntimeTrap, match="at most 256 items"):
        chain.call("StakeInfoRuntimeApi_get_stake_availability_for_coldkeys", question(1) + netuids)


def test_checks_of_transactions_have_a_budget_of_their_own() -> None:
    limits = CoreLimits(fuel_per_query=2_000)
    chain = Backend.open(None, genesis(), limits=limits, module_cache=module_cache())
    remark = bytes(CoreLimits().extrinsic_bytes_max - 200)
    largest = sign(chain, ALICE, b"\x00\x00" + encode_bytes(remark), 0)
    assert chain.validate(largest).provides
    chain.close()
    limits = CoreLimits(fuel_per_validation=2_000)
    chain = Backend.open(None, genesis(), limits=limits, module_cache=module_cache())
    with pytest.raises(BudgetSpent):
        chain.validate(transfer(chain, 0))
    chain.close()


def test_a_check_for_which_the_node_has_no_time_says_nothing_of_the_transaction() -> None:
    chain = Backend.open(None, genesis(), module_cache=module_cache(), clock=ManualClock())
    upgrade = sign(chain, ALICE, b"\x00\x03" + encode_bytes(RUNTIME.read_bytes()), 0)
    chain.time_limit.begin(0.0)
    with pytest.raises(CallTimeSpent):
        chain.validate(upgrade)
    chain.time_limit.end()
    assert chain.validate(upgrade).provides
    chain.close()


def test_runtime_calls_and_their_refusals(chain: Backend) -> None:
    version = chain.runtime_version()
    assert chain.call("Core_version", b"")[: 1 + len(version.spec_name)] == encode_bytes(
        version.spec_name.encode()
    )
    assert chain.call("Metadata_metadata", b"").find(b"meta") in (1, 2, 4)
    with pytest.raises(MissingExport, match="Exported method Nope_nope is not found"):
        chain.call("Nope_nope", b"")
    with pytest.raises(NoSuchBlock, match="Header was not found in the database"):
        chain.call("Core_version", b"", bytes(32))


def test_a_call_leaves_no_trace(chain: Backend) -> None:
    state = chain.state()
    before = [(key, state.get(key)) for key in state.keys(b"")]
    with pytest.raises(RuntimeTrap):
        chain.call("Core_initialize_block", b"\x00")
    chain.validate(transfer(chain, 0))
    assert [(key, state.get(key)) for key in state.keys(b"")] == before


def test_every_way_of_running_gives_the_same_chain(
    chain: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checked callbacks and fresh instances are slow, and must not be different."""
    recipe = [(nonce, 10**9 + nonce) for nonce in range(3)]

    def run(made: Backend) -> bytes:
        for nonce, amount in recipe:
            extrinsic = _signed_once(chain, nonce, amount)
            built = step(made, extrinsic)
            assert len(built.included) == 1
        return made.head.hash

    expected = run(chain)
    monkeypatch.setattr(Outline, "reusable", property(lambda self: False))
    fresh = open_chain()
    assert run(fresh) == expected
    fresh.close()
    monkeypatch.setattr(vm, "select_binding", lambda engine, meter: CheckedBinding(meter))
    checked = open_chain()
    assert run(checked) == expected
    checked.close()


_SIGNED: dict[int, bytes] = {}


def _signed_once(chain: Backend, nonce: int, amount: int) -> bytes:
    """sr25519 signatures are random, so the same chain needs the same bytes."""
    return _SIGNED.setdefault(nonce, transfer(chain, nonce, amount))


# -- history


def test_old_states_answer_as_they_did(chain: Backend) -> None:
    account = _account_key(bytes(ALICE.public_key))
    seen = {chain.head.hash: chain.state().get(account)}
    nonce_api: dict[bytes, bytes] = {}
    for nonce in range(4):
        step(chain, transfer(chain, nonce))
        seen[chain.head.hash] = chain.state().get(account)
        nonce_api[chain.head.hash] = chain.call(
            "AccountNonceApi_account_nonce", bytes(ALICE.public_key)
        )
    assert len(set(seen.values())) == 5
    for block_hash, value in seen.items():
        assert chain.state(block_hash).get(account) == value
    for block_hash, answer in nonce_api.items():
        asked = chain.call("AccountNonceApi_account_nonce", bytes(ALICE.public_key), block_hash)
        assert asked == answer
        assert chain.runtime_version(block_hash) == chain.runtime_version()


def _account_key(public: bytes) -> bytes:
    """System.Account, whose prefix every explorer shows."""
    prefix = bytes.fromhex("26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9")
    return prefix + blake2b(public, digest_size=16).digest() + public


# -- on disk


def test_a_chain_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first = open_chain(tmp_path)
    nonce = grow(first, 3, per_block=2)
    head, keys = first.head, first.state().keys(b"")
    with pytest.raises(ChainInUse):
        open_chain(tmp_path)
    first.close()
    again = open_chain(tmp_path)
    assert (again.head, again.state().keys(b"")) == (head, keys)
    assert again.chain_name == first.chain_name
    grow(again, 2, first_nonce=nonce)
    again.close()
    any_genesis = Backend.open(tmp_path, None, module_cache=module_cache())
    assert any_genesis.head.number == 5
    any_genesis.close()


def test_another_genesis_is_refused(tmp_path: Path) -> None:
    open_chain(tmp_path).close()
    with pytest.raises(GenesisDiffers, match="another configuration"):
        Backend.open(tmp_path, genesis(balances={"balances": []}), module_cache=module_cache())
    recipe = genesis()
    object.__setattr__(recipe, "code", recipe.code + b"\x00\x02\x01x")
    with pytest.raises(GenesisDiffers, match="another runtime"):
        Backend.open(tmp_path, recipe, module_cache=module_cache())
    open_chain(tmp_path).close()


def test_no_chain_to_open(tmp_path: Path) -> None:
    with pytest.raises(ChainDamaged, match="There is no chain"):
        Backend.open(tmp_path, None)


def test_a_state_that_does_not_give_its_root_is_damage(tmp_path: Path) -> None:
    chain = open_chain(tmp_path)
    grow(chain, 1)
    chain._store._database.execute(
        "UPDATE versions SET value = x'00' WHERE block = 1 AND key = ?",
        (_account_key(bytes(ALICE.public_key)),),
    )
    chain.close()
    with pytest.raises(ChainDamaged, match="does not have the root"):
        open_chain(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM meta WHERE name = 'chain'",
        "UPDATE meta SET value = x'ff' WHERE name = 'chain'",
        "UPDATE meta SET value = '[]' WHERE name = 'chain'",
        "UPDATE meta SET value = '{\"name\":7,\"properties\":{}}' WHERE name = 'chain'",
        "INSERT INTO meta VALUES ('oldest_state', 'soon')",
        "UPDATE blocks SET header = x'00' WHERE number = 1",
        "DELETE FROM blocks WHERE number = 1",
        "DELETE FROM blocks WHERE number = 0",
        "UPDATE blocks SET number = 7 WHERE number = 1",
    ],
)
def test_what_the_database_should_tell_and_does_not_is_damage(tmp_path: Path, damage: str) -> None:
    chain = open_chain(tmp_path)
    grow(chain, 1)
    chain._store._database.execute(damage)
    chain.close()
    with pytest.raises(ChainDamaged):
        Backend.open(tmp_path, None, module_cache=module_cache())


def test_a_full_disk_leaves_the_head_and_the_chain_goes_on(tmp_path: Path) -> None:
    chain = open_chain(tmp_path)
    nonce = grow(chain, 1)
    before, state = chain.head, dict(chain._state.items())
    database = chain._store._database
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    ready = [transfer(chain, nonce + at, to=bytes([at]) * 32) for at in range(100)]
    with pytest.raises(StorageFailed, match="full"):
        step(chain, *ready)
    assert chain.head is before
    assert dict(chain._state.items()) == state
    database.execute("PRAGMA max_page_count = 100000")
    step(chain, *ready)
    assert chain.head.number == 2
    chain.close()
    again = open_chain(tmp_path)
    assert again.head.number == 2
    again.close()
