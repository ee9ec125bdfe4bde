"""A chain's storage as bytes, read over plain HTTP: the tests' own measure of what clients say.

Adds to ``state_getStorage`` the making of keys (twox and blake2 as FRAME defines them) and the few
decodings that the tests need, written out by hand. It imports nothing of the project and no client,
so that a mistake which ours and a foreign client share would still show.
"""

from __future__ import annotations

import hashlib
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import xxhash

SS58_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
SS58_PREFIX: Final = 42
ANSWER_S_MAX: Final = 20.0
RAO_PER_TAO: Final = 10**9
PERQUINTILL: Final = 10**18

# ---- keys ---------------------------------------------------------------------------------------


def twox_128(text: str) -> bytes:
    """How FRAME hashes the names of pallets and items: two xxh64, seeds 0 and 1, little-endian."""
    data = text.encode()
    return b"".join(xxhash.xxh64_intdigest(data, seed).to_bytes(8, "little") for seed in (0, 1))


def blake2_128_concat(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=16).digest() + key


def u16(number: int) -> bytes:
    """A subnet or a uid as a key; both items' hasher is Identity."""
    return number.to_bytes(2, "little")


def account(address: str) -> bytes:
    """The 32 bytes behind an SS58 address of the generic network; AssertionError if it is none."""
    number = 0
    for letter in address:
        number = number * 58 + SS58_ALPHABET.index(letter)
    data = number.to_bytes(35, "big")
    assert data[0] == SS58_PREFIX
    checksum = hashlib.blake2b(b"SS58PRE" + data[:33]).digest()[:2]
    assert data[33:] == checksum, address
    return data[1:33]


def account_key(address: str) -> bytes:
    """An account as a key of a map hashed by Blake2_128Concat."""
    return blake2_128_concat(account(address))


# ---- SCALE --------------------------------------------------------------------------------------


def number(data: bytes | None) -> int:
    """A fixed-width unsigned integer; what is absent counts as 0, as in FRAME's ValueQuery."""
    return int.from_bytes(data or b"", "little")


def compact(data: bytes) -> tuple[int, int]:
    """A compact integer at the start, and how many bytes it takes."""
    mode = data[0] & 3
    if mode == 3:
        width = (data[0] >> 2) + 4
        return number(data[1 : 1 + width]), 1 + width
    width = 1 << mode
    return number(data[:width]) >> 2, width


def vector(data: bytes | None, width: int) -> list[int]:
    """A Vec of unsigned integers of ``width`` bytes each."""
    if data is None:
        return []
    count, at = compact(data)
    assert len(data) == at + count * width
    return [number(data[at + i * width : at + (i + 1) * width]) for i in range(count)]


def text(data: bytes | None) -> str:
    """A Vec<u8> that holds UTF-8."""
    return bytes(vector(data, 1)).decode()


@dataclass(frozen=True)
class Account:
    """FRAME's AccountInfo with this chain's AccountData, as far as the tests look."""

    nonce: int
    free: int
    reserved: int

    @classmethod
    def decode(cls, data: bytes | None) -> Account:
        # nonce, consumers, providers, sufficients: u32 each; free, reserved, frozen: u64; flags.
        data = data or bytes(56)
        assert len(data) == 16 + 3 * 8 + 16
        return cls(number(data[:4]), number(data[16:24]), number(data[24:32]))


@dataclass(frozen=True)
class Axon:
    """AxonInfo, as far as the tests look."""

    ip: int
    port: int

    @classmethod
    def decode(cls, data: bytes | None) -> Axon | None:
        # block u64, version u32, ip u128, port u16, ip_type u8, protocol u8, two u8 of padding.
        if data is None:
            return None
        assert len(data) == 34
        return cls(number(data[12:28]), number(data[28:30]))

    def __str__(self) -> str:
        return ".".join(str(part) for part in self.ip.to_bytes(4, "big")) + f":{self.port}"


# ---- reading ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Storage:
    """Storage as it was after one block."""

    url: str
    block_hash: str

    def get(self, pallet: str, item: str, *keys: bytes) -> bytes | None:
        """The value under a key whose hashed parts are given; None if it is absent."""
        key = twox_128(pallet) + twox_128(item) + b"".join(keys)
        value = ask(self.url, "state_getStorage", "0x" + key.hex(), self.block_hash)
        return None if value is None else bytes.fromhex(value[2:])

    def subtensor(self, item: str, *keys: bytes) -> bytes | None:
        return self.get("SubtensorModule", item, *keys)

    def map(self, pallet: str, item: str, *keys: bytes) -> dict[bytes, bytes]:
        """Everything below a prefix: the rest of each key, and its value."""
        prefix = twox_128(pallet) + twox_128(item) + b"".join(keys)
        found: dict[bytes, bytes] = {}
        start: str | None = None
        while page := ask(
            self.url, "state_getKeysPaged", "0x" + prefix.hex(), 500, start, self.block_hash
        ):
            for key in page:
                value = ask(self.url, "state_getStorage", key, self.block_hash)
                found[bytes.fromhex(key[2:])[len(prefix) :]] = bytes.fromhex(value[2:])
            start = page[-1]
        return found

    def account(self, address: str) -> Account:
        return Account.decode(self.get("System", "Account", account_key(address)))

    def hotkeys(self, netuid: int) -> list[bytes]:
        """By uid."""
        count = number(self.subtensor("SubnetworkN", u16(netuid)))
        keys = [self.subtensor("Keys", u16(netuid), u16(uid)) for uid in range(count)]
        assert all(key is not None and len(key) == 32 for key in keys)
        return [key for key in keys if key is not None]

    def alpha_of(self, hotkey: str, coldkey: str, netuid: int) -> int:
        """A coldkey's alpha on a hotkey: its shares' part of the hotkey's pool, rounded down.

        Shares are U64F64 on the public chain's first layout: 128 bits, the lower half a fraction.
        """
        hot = account_key(hotkey)
        shares = number(self.subtensor("Alpha", hot, account_key(coldkey), u16(netuid)))
        total = number(self.subtensor("TotalHotkeyShares", hot, u16(netuid)))
        pool = number(self.subtensor("TotalHotkeyAlpha", hot, u16(netuid)))
        return pool * shares // total if total else 0

    def price_rao(self, netuid: int) -> int:
        """Rao for a whole alpha at the spot: the pool's sides against each other, with weights."""
        tao = number(self.subtensor("SubnetTAO", u16(netuid)))
        alpha = number(self.subtensor("SubnetAlphaIn", u16(netuid)))
        weight = self.subtensor("PoolTaoWeight", u16(netuid))
        of_tao = PERQUINTILL // 2 if weight is None else number(weight)
        return RAO_PER_TAO * (PERQUINTILL - of_tao) * tao // (of_tao * alpha)


def ask(url: str, method: str, *params: Any) -> Any:
    """One JSON-RPC request over HTTP; AssertionError if the answer is an error."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(
        url.replace("ws", "http", 1), body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=ANSWER_S_MAX) as reply:
        answer = json.load(reply)
    assert "error" not in answer, answer
    return answer["result"]


@dataclass(frozen=True)
class RawChain:
    """A chain at a URL."""

    url: str

    def height(self) -> int:
        return int(ask(self.url, "chain_getHeader")["number"], 16)

    def at(self, block: int | str) -> Storage:
        """After a block, named by its number or its hash."""
        if isinstance(block, int):
            block = ask(self.url, "chain_getBlockHash", block)
            assert isinstance(block, str)
        return Storage(self.url, block)

    def around(self, block_hash: str) -> tuple[Storage, Storage]:
        """Before a block and after it."""
        parent = ask(self.url, "chain_getHeader", block_hash)["parentHash"]
        return self.at(parent), self.at(block_hash)

    def number_of(self, block_hash: str) -> int:
        return int(ask(self.url, "chain_getHeader", block_hash)["number"], 16)

    def between(self, first: int, last: int) -> Iterator[Storage]:
        """After each of these blocks."""
        return (self.at(block) for block in range(first, last + 1))
