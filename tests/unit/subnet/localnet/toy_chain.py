"""A backend without Wasm: accounts with nonces, enough to drive the pool, the loop and the RPC.

An extrinsic is ``account (32) ‖ nonce u32 ‖ priority u64 ‖ kind (1)`` with its length prefix. Its
``kind`` says what the runtime will do with it. It subclasses the real ``Backend``, so that a
changed signature there breaks the tests here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum

from assay.localnet.backend import Backend, BuiltBlock
from assay.localnet.blocks.builder import never
from assay.localnet.blocks.validity import ValidTransaction
from assay.localnet.errors import (
    BlockFault,
    BlockRejected,
    InvalidTransaction,
    MissingExport,
    NoSuchBlock,
    RuntimeTrap,
    TransactionRefused,
)
from assay.localnet.primitives.hashing import blake2_256
from assay.localnet.primitives.header import ZERO_HASH, Block, Header, aura_pre_runtime
from assay.localnet.primitives.runtime_version import RuntimeVersion
from assay.localnet.primitives.scale import encode_bytes
from assay.localnet.time_limit import unlimited

SLOT_MS = 250
_BODY_BYTES = 32 + 4 + 8 + 1


class Kind(IntEnum):
    GOOD = 0
    BAD_PROOF = 1
    POOR = 2
    FAILS_IN_BLOCK = 3
    TOO_BIG = 4
    UPGRADE = 5
    CUSTOM = 6
    POISON = 7


def account(number: int) -> bytes:
    return number.to_bytes(32, "big")


def extrinsic(who: int, nonce: int, *, priority: int = 0, kind: Kind = Kind.GOOD) -> bytes:
    body = account(who) + nonce.to_bytes(4, "little") + priority.to_bytes(8, "little")
    return encode_bytes(body + bytes((kind,)))


def hash_of(data: bytes) -> bytes:
    return blake2_256(data)


class ToyState:
    def __init__(self, values: dict[bytes, bytes]) -> None:
        self.values = values

    def get(self, key: bytes) -> bytes | None:
        return self.values.get(key)

    def next_key(self, key: bytes) -> bytes | None:
        return min((k for k in self.values if k > key), default=None)

    def keys(
        self, prefix: bytes, start: bytes | None = None, count: int | None = None
    ) -> list[bytes]:
        found = sorted(k for k in self.values if k.startswith(prefix) and k > (start or b""))
        return found if count is None else found[:count]


class ToyChain(Backend):
    def __init__(self) -> None:
        self.chain_name = "Toy"
        self.properties = {"ss58Format": 42, "tokenDecimals": 9, "tokenSymbol": "TAO"}
        genesis = Block(Header(ZERO_HASH, 0, ZERO_HASH, ZERO_HASH, ()), ())
        self.genesis_hash = genesis.hash
        self.head = genesis
        self.blocks = [genesis]
        self.values: dict[bytes, bytes] = {b":code": b"wasm", b"a": b"1", b"ab": b"2"}
        self.nonces: dict[bytes, int] = {}
        self.validated: list[bytes] = []
        self.timestamps: list[int] = []
        self.refuse: dict[bytes, TransactionRefused | RuntimeTrap] = {}
        self.build_fault: Exception | None = None
        self.finish_fault: BlockFault | None = None
        self.before_each: Callable[[], None] = lambda: None
        self.closed = False
        self.time_limit = unlimited()
        self.longevity = 64

    def block(self, block_hash: bytes) -> Block | None:
        return next((b for b in self.blocks if b.hash == block_hash), None)

    def block_hash(self, number: int) -> bytes | None:
        return self.blocks[number].hash if 0 <= number < len(self.blocks) else None

    def state(self, block_hash: bytes | None = None) -> ToyState:
        if block_hash is not None and self.block(block_hash) is None:
            raise NoSuchBlock(block_hash)
        return ToyState(self.values)

    def call(
        self, method: str, args: bytes, at: bytes | None = None, *, share: float = 1.0
    ) -> bytes:
        self.state(at)
        if method == "AccountNonceApi_account_nonce":
            return self.nonces.get(args, 0).to_bytes(4, "little")
        if method == "Metadata_metadata":
            return encode_bytes(b"meta")
        if method == "TransactionPaymentApi_query_info":
            return b"\x04\x08\x00" + (125).to_bytes(8, "little")
        if method == "Toy_trap":
            raise RuntimeTrap(method, "unreachable", ("panicked at toy",))
        raise MissingExport(method)

    def runtime_version(self, at: bytes | None = None) -> RuntimeVersion:
        self.state(at)
        return RuntimeVersion("toy", "toy", 1, 7, 1, ((b"\x01" * 8, 2),), 1, 1)

    def validate(self, extrinsic: bytes, source: int = 2) -> ValidTransaction:
        self.validated.append(extrinsic)
        body = extrinsic[1:]
        if len(body) != _BODY_BYTES:
            raise RuntimeTrap("TaggedTransactionQueue_validate_transaction", "bad transaction")
        who, nonce = body[:32], int.from_bytes(body[32:36], "little")
        refusal = self.refuse.get(hash_of(extrinsic)) or self._refusal(Kind(body[44]), who, nonce)
        if refusal is not None:
            raise refusal
        ahead = nonce > self.nonces.get(who, 0)
        return ValidTransaction(
            priority=int.from_bytes(body[36:44], "little"),
            requires=(who + (nonce - 1).to_bytes(4, "little"),) if ahead else (),
            provides=(who + nonce.to_bytes(4, "little"),),
            longevity=self.longevity,
            propagate=True,
        )

    def _refusal(self, kind: Kind, who: bytes, nonce: int) -> InvalidTransaction | None:
        if kind is Kind.BAD_PROOF:
            return InvalidTransaction("BadProof")
        if kind is Kind.POOR:
            return InvalidTransaction("Payment")
        if kind is Kind.CUSTOM:
            return InvalidTransaction("Custom", 6)
        return InvalidTransaction("Stale") if nonce < self.nonces.get(who, 0) else None

    def build(
        self,
        timestamp_ms: int,
        candidates: Iterable[tuple[bytes, bytes]],
        *,
        until: Callable[[], bool] = never,
        max_extrinsics: int | None = None,
    ) -> BuiltBlock:
        if self.build_fault is not None:
            raise self.build_fault
        assert timestamp_ms >= self.earliest_timestamp_ms()
        before, poisoned = dict(self.nonces), False
        included: list[bytes] = []
        failed: list[tuple[bytes, TransactionRefused | RuntimeTrap]] = []
        postponed: list[bytes] = []
        body: list[bytes] = []
        changes: dict[bytes, bytes | None] = {b"now": timestamp_ms.to_bytes(8, "little")}
        tried: list[bytes] = []
        for name, data in candidates:
            assert name == hash_of(data)
            if until():
                break
            tried.append(name)
            self.before_each()
            who, nonce = data[1:33], int.from_bytes(data[33:37], "little")
            kind = Kind(data[45])
            if kind is Kind.TOO_BIG or nonce > self.nonces.get(who, 0):
                postponed.append(name)
            elif kind is Kind.FAILS_IN_BLOCK or nonce < self.nonces.get(who, 0):
                failed.append((name, InvalidTransaction("Payment")))
            else:
                self.nonces[who] = nonce + 1
                included.append(name)
                body.append(data)
                if kind is Kind.UPGRADE:
                    changes[b":code"] = b"new wasm"
                poisoned |= kind is Kind.POISON
        fault = self.finish_fault
        if poisoned:
            fault = BlockRejected("the block cannot be finished")
        if fault is not None:
            self.nonces = before
            fault.tried = tuple(tried)
            raise fault
        for key, value in changes.items():
            assert value is not None
            self.values[key] = value
        self.timestamps.append(timestamp_ms)
        slot = timestamp_ms // SLOT_MS
        header = Header(
            self.head.hash, self.head.number + 1, ZERO_HASH, ZERO_HASH, (aura_pre_runtime(slot),)
        )
        self.head = Block(header, tuple(body))
        self.blocks.append(self.head)
        return BuiltBlock(
            block=self.head,
            included=tuple(included),
            failed=tuple(failed),
            postponed=tuple(postponed),
            unsealed=(),
            changes=changes,
            runtime_changed=b":code" in changes,
            slot_duration_ms=SLOT_MS,
        )

    def slot_duration_ms(self) -> int:
        return SLOT_MS

    def earliest_timestamp_ms(self) -> int:
        return (self.timestamps[-1] // SLOT_MS + 1) * SLOT_MS if self.timestamps else 0

    def close(self) -> None:
        self.closed = True
