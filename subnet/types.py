"""Sized words for the borders: amounts, ids and addresses. Standard library only.

Amounts are whole rao (1 TAO = 10^9 rao, 1 alpha = 10^9 rao of its subnet); weights on chain are
u16 where 65535 is one. Addresses are SS58 (Substrate's base58 with a blake2b checksum).
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NewType, Protocol

Rao = NewType("Rao", int)
"""An amount of TAO in rao, u64."""
AlphaRao = NewType("AlphaRao", int)
"""An amount of a subnet's alpha in its rao, u64."""
NetUid = NewType("NetUid", int)
Uid = NewType("Uid", int)
BlockNumber = NewType("BlockNumber", int)
U16Weight = NewType("U16Weight", int)
Ss58 = NewType("Ss58", str)

RAO_PER_TAO: Final = 10**9
U16_MAX: Final = 65_535
U64_MAX: Final = 2**64 - 1
PORT_MAX: Final = 65_535
"""The last TCP port there is."""
HANDLER_S_MAX: Final = 120.0
"""The longest that an axon works for one caller, unless its operator says otherwise: longer than a
validator waits in any round. Whoever asks for more, or lets work go on for longer, is refused."""
SS58_PREFIX: Final = 42
"""Generic Substrate addresses; Bittensor uses them too. Another value makes other addresses."""

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUE: Final = {c: i for i, c in enumerate(_ALPHABET)}
_CHECKSUM_BYTES: Final = 2
_ADDRESS_CHARS_MAX: Final = 64  # a 32-byte key takes 48; anything longer is not an address


def checked_amount(amount: int) -> int:
    """``amount`` itself; ValueError if it is no amount that an account can hold."""
    if not 0 <= amount <= U64_MAX:
        raise ValueError(f"{amount} is not an amount")
    return amount


def _checksum(body: bytes) -> bytes:
    return blake2b(b"SS58PRE" + body, digest_size=64).digest()[:_CHECKSUM_BYTES]


def ss58_encode(public_key: bytes, prefix: int = SS58_PREFIX) -> Ss58:
    """The address of a 32-byte public key. ``prefix`` must be below 64 (one byte)."""
    if len(public_key) != 32:
        raise ValueError(f"a public key has 32 bytes, not {len(public_key)}")
    if not 0 <= prefix < 64:
        raise ValueError(f"prefix {prefix} is not a one-byte prefix")
    body = bytes((prefix,)) + public_key
    number = int.from_bytes(body + _checksum(body), "big")
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_ALPHABET[digit])
    zeros = len(body) - len(body.lstrip(b"\0"))
    return Ss58(_ALPHABET[0] * zeros + "".join(reversed(digits)))


def ss58_decode(address: str, prefix: int | None = SS58_PREFIX) -> bytes:
    """The 32-byte public key of an address; ValueError if it is not one (``prefix`` None: any)."""
    if not 0 < len(address) <= _ADDRESS_CHARS_MAX:
        raise ValueError("an SS58 address has 46 to 48 characters")
    number = 0
    for char in address:
        digit = _VALUE.get(char)
        if digit is None:
            raise ValueError(f"{char!r} is not a base58 character")
        number = number * 58 + digit
    zeros = len(address) - len(address.lstrip(_ALPHABET[0]))
    raw = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    if len(raw) != 1 + 32 + _CHECKSUM_BYTES:
        raise ValueError("an SS58 address of a 32-byte key is expected")
    body, check = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
    if _checksum(body) != check:
        raise ValueError("the address's checksum is wrong")
    if prefix is not None and body[0] != prefix:
        raise ValueError(f"the address is for network {body[0]}, not {prefix}")
    return body[1:]


class Signer(Protocol):
    """A key that signs: sr25519 under the context ``substrate``. Its secret never leaves it."""

    @property
    def public_key(self) -> bytes: ...

    @property
    def address(self) -> Ss58: ...

    def sign(self, message: bytes, /) -> bytes: ...
