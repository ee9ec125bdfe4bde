"""What peers and validators put on chain for a window, as bytes. Pure.

A peer publishes two records a window under its hotkey: the first by the end of ``upload``, the
second, the same with the key, by the end of ``reveal``::

    magic    2   54 01 (a "T" and the version)
    flags    1   bit 0: a key follows
    window   4   little-endian
    state    16  the beginning of the hash of the state that the peer started from
    seal     32  the root of the object that holds its ``seal``
    key      32  what opens the sealed message

A validator publishes one record a window, by the end of ``attest``::

    magic    2   54 02
    window   4   little-endian
    state    16  the beginning of the hash of the state that the window started from
    held     32  a bit for each uid whose message it holds, whole and opened: bit u % 8 of byte
                 u // 8

Records are read at the last block of their phase. A record that is not whole counts as none: what a
stranger published must stop nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

UIDS_MAX: Final = 256
"""Of a subnet: the chain has no more, and a validator's record a bit for each."""
HASH_BYTES: Final = 32
STATE_BYTES: Final = 16
"""Of a state's hash: enough that nobody finds two states with the same beginning, and a validator's
record fits into the 60 bytes that a neuron's record leaves."""
WINDOW_MAX: Final = 2**32 - 1
_PEER, _VALIDATOR = b"\x54\x01", b"\x54\x02"
_KEY: Final = 1


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """What a peer says of one window. ``key`` is None until the peer reveals it."""

    window: int
    state: bytes
    seal: bytes
    key: bytes | None = None

    def revealed(self, key: bytes) -> PeerRecord:
        """Return the same record with ``key``."""
        return replace(self, key=key)

    def pack(self) -> bytes:
        """Return the bytes for the chain; ValueError for a field of another size."""
        _check(self.window, (self.state, STATE_BYTES), (self.seal, HASH_BYTES))
        key = b"" if self.key is None else self.key
        if len(key) not in (0, HASH_BYTES):
            raise ValueError(f"a key has {HASH_BYTES} bytes, not {len(key)}")
        flags = _KEY if key else 0
        return b"".join(
            (_PEER, bytes((flags,)), self.window.to_bytes(4, "little"), self.state, self.seal, key)
        )

    @classmethod
    def parse(cls, data: bytes | None) -> PeerRecord | None:
        """Return the record in what a hotkey's task published; None for anything else."""
        if data is None or data[:2] != _PEER or len(data) < 3 or data[2] not in (0, _KEY):
            return None
        whole = 7 + STATE_BYTES + HASH_BYTES
        if len(data) != whole + HASH_BYTES * (data[2] & _KEY):
            return None
        state_end = 7 + STATE_BYTES
        key = data[whole:] if data[2] & _KEY else None
        window = int.from_bytes(data[3:7], "little")
        return cls(window, data[7:state_end], data[state_end:whole], key)


@dataclass(frozen=True, slots=True)
class ValidatorRecord:
    """What a validator says of one window: the uids whose messages it ``held``."""

    window: int
    state: bytes
    held: frozenset[int]

    def pack(self) -> bytes:
        """Return the bytes for the chain; ValueError for a field out of its range."""
        _check(self.window, (self.state, STATE_BYTES))
        bits = _bits(self.held).to_bytes(UIDS_MAX // 8, "little")
        return _VALIDATOR + self.window.to_bytes(4, "little") + self.state + bits

    @classmethod
    def parse(cls, data: bytes | None) -> ValidatorRecord | None:
        """Return the record in what a hotkey's task published; None for anything else."""
        whole = 6 + STATE_BYTES + UIDS_MAX // 8
        if data is None or data[:2] != _VALIDATOR or len(data) != whole:
            return None
        bits = int.from_bytes(data[6 + STATE_BYTES :], "little")
        held = frozenset(uid for uid in range(UIDS_MAX) if bits >> uid & 1)
        window = int.from_bytes(data[2:6], "little")
        return cls(window, data[6 : 6 + STATE_BYTES], held)


def _bits(uids: Iterable[int]) -> int:
    bits = 0
    for uid in uids:
        if not 0 <= uid < UIDS_MAX:
            raise ValueError(f"a uid lies below {UIDS_MAX}, unlike {uid}")
        bits |= 1 << uid
    return bits


def _check(window: int, *fields: tuple[bytes, int]) -> None:
    if not 0 <= window <= WINDOW_MAX:
        raise ValueError(f"a window's number has 32 bits, unlike {window}")
    for field, size in fields:
        if len(field) != size:
            raise ValueError(f"a field has {size} bytes, not {len(field)}")
