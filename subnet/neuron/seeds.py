"""A validator's randomness, unguessable beforehand and recheckable by anybody afterwards.

A secret on disk is the end of a hash chain. Link i is the SHA-256 of link i + 1, and link 0 is
computed from the secret by ``LINKS`` hashes. The validator publishes link i on chain (``record``);
the turns that follow are drawn from link i + 1, which nobody else knows yet. Once an epoch link
i + 1 is published: it reveals what the epoch's turns were drawn from, and commits to link i + 2.

The generator of turn n begins with::

    SHA-256("assay/turn/1" | link i + 1 | hash of the turn's block | n as 8 bytes, little-endian)

The block is later than the one that holds link i, so a validator could not choose its link to fit
a block, nor the block's author fit the block to a link that he did not know. A generator for one
target adds the target's public key at the end. ``random.Random`` with the digest as an integer seed
gives the numbers.

Links and blocks come in as values, and the state is one small file; nothing here reads a chain.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from loguru import logger

from assay.errors import UserError
from assay.files import read_limited, write_atomic
from assay.types import BlockNumber, Ss58, ss58_decode

LINKS: Final = 2**14
"""Links of one chain: 16,384 epochs, over two years of a public subnet and more than a day of a
local one. A longer chain takes longer to compute (10 ms for this one); at its end a new one begins
from the same secret."""
_PERIODS: Final = LINKS - 1
"""Links of one chain that are given out: the last one only has turns drawn from it."""
_FILE_BYTES_MAX: Final = 4096
_TURN: Final = b"assay/turn/1"
_CHAIN: Final = b"assay/seed-chain/1"


class SeedState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a validator must remember of its hash chain. ``secret`` never leaves the state
    folder."""

    secret: bytes
    generation: int = 0
    """Which chain of this secret; goes up when one is used up."""
    published: int | None = None
    """The newest link that may be known to others; None before the first was sent."""
    published_at: BlockNumber | None = None
    """The finalized block from which on the chain showed that link; None while it does not."""
    earlier: int = 0
    """The number of the last period that an earlier secret of this validator was used in."""


@lru_cache(maxsize=2)
def _links(secret: bytes, generation: int) -> tuple[bytes, ...]:
    link = sha256(_CHAIN + secret + generation.to_bytes(8, "little")).digest()
    links = [link]
    for _ in range(LINKS):
        links.append(sha256(links[-1]).digest())
    return tuple(reversed(links))


class Seeds:
    """The hash chain of one validator, kept in one file that is replaced atomically."""

    def __init__(
        self, path: Path, *, new_secret: Callable[[], bytes], newest_period: int = 0
    ) -> None:
        """Load ``path``, or begin a chain there with the 32 bytes of ``new_secret()``.

        ``newest_period`` is the last period that the validator's receipts know. A new chain's
        periods are numbered from there on; an older copy of the file goes on behind it, because the
        links before were used. UserError for a file that is no such state: beginning anew in
        silence would break the proof that challenges were not chosen.
        """
        self._path = path
        stored = read_limited(path, _FILE_BYTES_MAX)
        if stored is None:
            self._state = SeedState(secret=new_secret(), earlier=newest_period)
            self._save(self._state)
            return
        try:
            self._state = msgspec.json.decode(stored, type=SeedState)
        except msgspec.MsgspecError as error:
            raise UserError(
                f"The seeds in {path} cannot be read: {error}.",
                "Restore the file from a copy, or move it away: a new hash chain then begins, and "
                "the turns since the last epoch's end cannot be rechecked.",
            ) from error
        while self.period < newest_period:
            self.advance()

    @property
    def tip(self) -> bytes:
        """The link that the chain should show now."""
        if self._state.published is None:
            return self._link(0)
        return self._link(self._state.published)

    @property
    def period(self) -> int:
        """How many links were given out so far. Turns are drawn from the same link within one
        period; 0 before the first link was given out."""
        if self._state.published is None:
            return 0
        of_secret = self._state.generation * _PERIODS + self._state.published + 1
        return self._state.earlier + of_secret

    def has_period(self, period: int) -> bool:
        """Whether the period's link was given out already, and is of this secret."""
        return self._state.earlier < period < self.period

    def of_period(self, period: int) -> tuple[bytes, bytes]:
        """The tip of a period, and the link that its turns were drawn from. ValueError for a period
        of an earlier secret."""
        if period <= self._state.earlier:
            raise ValueError(f"period {period} is of an earlier secret")
        generation, index = divmod(period - self._state.earlier - 1, _PERIODS)
        links = _links(self._state.secret, generation)
        return links[index], links[index + 1]

    def advance(self) -> bytes:
        """Give up the link that turns are drawn from: it is the tip from now on, and may be sent.

        Returns the new tip. Durable before it returns, so that a link that may have been seen is
        never drawn from again.
        """
        state = self._state
        if state.published is None:
            state = msgspec.structs.replace(state, published=0)
        elif state.published + 1 < _PERIODS:
            state = msgspec.structs.replace(state, published=state.published + 1)
        else:
            state = msgspec.structs.replace(state, published=0, generation=state.generation + 1)
        self._save(msgspec.structs.replace(state, published_at=None))
        return self.tip

    def catch_up(self, shown: bytes | None) -> None:
        """Go on from the link ``shown`` by the chain, if this file is an older copy and does not
        know that the link was given out: turns would else be drawn from links that anybody has."""
        links = _links(self._state.secret, self._state.generation)
        if shown is None or shown not in links[:_PERIODS]:
            return
        index = links.index(shown)
        if self._state.published is None or index > self._state.published:
            logger.warning(
                "The seeds in {} are an older copy: they go on at the chain's", self._path
            )
            self._save(msgspec.structs.replace(self._state, published=index, published_at=None))

    def seen(self, block: BlockNumber) -> None:
        """Note that the finalized block ``block`` shows the tip."""
        if self._state.published is not None and self._state.published_at is None:
            self._save(msgspec.structs.replace(self._state, published_at=block))

    def ready(self, block: BlockNumber) -> bool:
        """Whether a turn at ``block`` can be rechecked: the tip stood in an earlier block."""
        at = self._state.published_at
        return at is not None and block > at

    def turn_seed(self, block_hash: bytes, number: int) -> bytes:
        """The 32 bytes that turn ``number`` at the block ``block_hash`` is drawn from. ValueError
        before the first link was given out: turns would be drawn from the link that goes out
        next."""
        if self._state.published is None:
            raise ValueError("no link was given out yet")
        return turn_seed(self._link(self._state.published + 1), block_hash, number)

    def _link(self, index: int) -> bytes:
        return _links(self._state.secret, self._state.generation)[index]

    def _save(self, state: SeedState) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self._path, msgspec.json.encode(state))
        self._state = state


def follows(link: bytes, tip: bytes) -> bool:
    """Whether ``link`` is the link behind the published ``tip``."""
    return sha256(link).digest() == tip


def turn_seed(link: bytes, block_hash: bytes, number: int) -> bytes:
    """What turn ``number`` is drawn from: the formula at the head of this module."""
    return sha256(_TURN + link + block_hash + number.to_bytes(8, "little")).digest()


def turn_rng(seed: bytes) -> random.Random:
    """The generator of a turn with this seed."""
    return random.Random(int.from_bytes(seed, "big"))


def target_rng(seed: bytes, hotkey: Ss58) -> random.Random:
    """The generator of one target's challenge in a turn with this seed."""
    return turn_rng(sha256(seed + ss58_decode(hotkey)).digest())
