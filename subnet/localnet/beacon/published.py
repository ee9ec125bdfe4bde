"""Pulses that somebody else's beacon published: from drand's HTTP interface, or from a file.

Both have a round as drand writes it: a JSON object with ``round`` and ``signature`` (96 hexadecimal
digits). ``PublishedPulses`` asks a server for one round at a time; ``RecordedPulses`` reads a file
with an object a line. Whether a signature is the beacon's, the chain finds out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

import aiohttp
import msgspec

from assay.errors import Unavailable, UserError
from assay.localnet.beacon.pulse import SIGNATURE_BYTES, Pulse
from assay.localnet.rpc_client import read_body

ANSWER_S_MAX: Final = 10.0
"""A server that is well answers within a tenth of a second."""
REPLY_BYTES_MAX: Final = 4_096
"""A round has some 250."""
FILE_BYTES_MAX: Final = 64 * 2**20
"""A week of rounds, which is as many as a chain keeps, has 54 MB."""
NOT_YET: Final = frozenset((404, 425))
"""How a server says that there is no such round, or none yet."""
SOURCE_CURE: Final = (
    "Give the address of a drand chain, such as https://api.drand.sh/CHAIN_HASH, or a file with a"
    " round a line."
)


class PulsesGone(Unavailable):
    """The server of a beacon does not answer, or not as drand does."""


class PulseSource(Protocol):
    """Where pulses come from."""

    async def pulse(self, number: int) -> Pulse | None:
        """The pulse of round ``number``, or of the first later one that the source has; None if it
        has none yet. Unavailable if the source is away."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


class _Round(msgspec.Struct, frozen=True):
    """A round as drand writes it; what else stands there is not needed."""

    round: int
    signature: str


def read_round(data: bytes) -> Pulse:
    """The pulse that ``data``, a JSON object, tells of. ValueError if it tells of none."""
    told = msgspec.json.decode(data, type=_Round)
    signature = bytes.fromhex(told.signature)
    if len(signature) != SIGNATURE_BYTES or not 0 < told.round < 2**64:
        raise ValueError("no signature in G1 of a round")
    return Pulse(told.round, signature)


def _number(pulse: Pulse) -> int:
    return pulse.round


class PublishedPulses:
    """The rounds of the drand chain at ``url``, which ends where ``/public/ROUND`` begins."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def pulse(self, number: int) -> Pulse | None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S_MAX))
        try:
            async with self._session.get(f"{self._url}/public/{number}") as response:
                if response.status in NOT_YET:
                    return None
                data = await read_body(response, REPLY_BYTES_MAX)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise PulsesGone(
                f"The beacon's server does not answer ({type(error).__name__}).", SOURCE_CURE
            ) from error
        try:
            found = read_round(data)
        except (ValueError, RecursionError):
            raise PulsesGone(
                "The beacon's server does not answer as drand does.", SOURCE_CURE
            ) from None
        return found if found.round == number else None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


class RecordedPulses:
    """The rounds of a file; there may be gaps between them."""

    def __init__(self, pulses: Iterable[Pulse]) -> None:
        self._pulses = sorted(pulses, key=_number)

    @classmethod
    def read(cls, path: Path) -> RecordedPulses:
        """Read the file ``path``. UserError for one that cannot be read, or a line that is no
        round."""
        try:
            with path.open("rb") as stream:
                data = stream.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}.", SOURCE_CURE) from None
        if len(data) > FILE_BYTES_MAX:
            raise UserError(f"{path} is larger than {FILE_BYTES_MAX >> 20} MiB.", SOURCE_CURE)
        pulses = []
        for line, text in enumerate(data.splitlines(), 1):
            if text.strip():
                try:
                    pulses.append(read_round(text))
                except (ValueError, RecursionError):
                    raise UserError(f"Line {line} of {path} is no round.", SOURCE_CURE) from None
        return cls(pulses)

    async def pulse(self, number: int) -> Pulse | None:
        place = bisect_left(self._pulses, number, key=_number)
        return self._pulses[place] if place < len(self._pulses) else None

    async def close(self) -> None:
        pass
