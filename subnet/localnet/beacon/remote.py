"""The beacon as a process of its own, beside a node that has none: brings pulses over the RPC.

It looks at the chain's time and at what waits there, takes the pulses that are due from a
``PulseSource``, and submits them. While the node or the source is away, it waits. ``SigningPulses``
is the source that makes pulses with the development key, as the node's own beacon does.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Final, NoReturn

from loguru import logger

from assay.clock import Clock
from assay.errors import Unavailable, UserError
from assay.localnet.beacon.published import PulseSource
from assay.localnet.beacon.pulse import (
    AWAITED_ROUNDS_KEY,
    BROUGHT_KEY,
    CONFIG_KEY,
    DEVELOPMENT_SEED,
    LAST_ROUND_KEY,
    QUICKNET,
    SEALED_ROWS_KEY,
    SEALED_TEXTS_KEY,
    SIGNATURE_BYTES,
    BeaconConfig,
    Bringer,
    Pulse,
    number_of,
)
from assay.localnet.beacon.schedule import AWAITED_READ_MAX, Waiting, at_once, due_rounds
from assay.localnet.primitives.scale import ScaleError
from assay.localnet.primitives.well_known_keys import TIMESTAMP_NOW
from assay.localnet.rpc_client import NodeRefused, RpcClient

LOOK_S: Final = 1.0
"""Between two looks at the chain: a round takes three seconds."""
AWAY_S: Final = 3.0
"""Between two attempts at a node or a source that does not answer."""
NUMBER_BYTES: Final = 8
"""Of a time, a round or a duration in a chain's state."""
_SOME: Final = 1


class SigningPulses:
    """Pulses under the development key; the node's runtime does the arithmetic."""

    def __init__(self, rpc: RpcClient) -> None:
        self._rpc = rpc

    async def check(self, config: BeaconConfig) -> None:
        """UserError unless ``config`` names the development key."""
        if config == QUICKNET or await self._asked("beacon_public_key") != config.public_key:
            name = "drand's quicknet" if config == QUICKNET else "a beacon with another key"
            raise UserError(
                f"The chain follows {name}, not the development beacon.",
                "Give that beacon's pulses with --pulses URL or --pulses FILE.",
            )

    async def pulse(self, number: int) -> Pulse | None:
        signature = await self._asked("beacon_signature", number.to_bytes(8, "little"))
        return Pulse(number, signature)

    async def close(self) -> None:
        pass

    async def _asked(self, question: str, argument: bytes = b"") -> bytes:
        """The runtime's answer, an ``Option`` of bytes."""
        given = f"0x{(DEVELOPMENT_SEED + argument).hex()}"
        answer = await self._rpc.ask_bytes("state_call", f"BeaconRuntimeApi_{question}", given)
        if answer is None or len(answer) <= SIGNATURE_BYTES or answer[0] != _SOME:
            raise self._rpc.unlike("state_call")
        return answer[1:]


class RemoteBeacon:
    """Brings the pulses of ``source`` to the node behind ``rpc``."""

    def __init__(self, rpc: RpcClient, source: PulseSource, clock: Clock) -> None:
        self._rpc = rpc
        self._source = source
        self._clock = clock
        # The signature says nothing but that somebody brings it; a key of its own for each process.
        self._bringer = Bringer(secrets.token_bytes(32))
        self._away = False
        self._refused = ""

    async def config(self) -> BeaconConfig:
        """The beacon that the chain follows."""
        stored = await self._storage(CONFIG_KEY)
        try:
            return QUICKNET if stored is None else BeaconConfig.read(stored)
        except ScaleError:
            raise self._rpc.unlike("state_getStorage") from None

    async def last_round(self) -> int:
        """The latest round whose pulse the chain has; 0 if it has none."""
        return await self._number(LAST_ROUND_KEY)

    async def run(self) -> NoReturn:
        """Bring pulses until cancelled."""
        while True:
            try:
                await self.bring()
            except Unavailable as error:
                if not self._away:
                    logger.warning("{}", error.cause)
                self._away = True
                await self._clock.sleep(AWAY_S)
                continue
            if self._away:
                self._away = False
                logger.info("the beacon goes on")
            await self._clock.sleep(LOOK_S)

    async def bring(self) -> int:
        """Submit the pulses that are due now; how many the node took."""
        config, last, now_ms, waiting, block_ms, header = await asyncio.gather(
            self.config(),
            self.last_round(),
            self._number(TIMESTAMP_NOW),
            self._waiting(),
            self._block_ms(),
            self._rpc.ask("chain_getHeader"),
        )
        try:
            block = int(header["number"], 16)
            Bringer.check_block(block)
        except (KeyError, TypeError, ValueError):
            raise self._rpc.unlike("chain_getHeader") from None
        taken, brought = 0, set[int]()
        for number in due_rounds(config, now_ms, last, waiting, block_ms=block_ms):
            if len(brought) == at_once(config, block_ms):
                break
            pulse = await self._source.pulse(number)
            if pulse is None or pulse.round > config.round_at(now_ms):
                break  # there is none yet: a chain's time may be ahead of the beacon's
            if pulse.round in brought or number < pulse.round <= last:
                continue  # the source has a gap, and this is the pulse after it once more
            brought.add(pulse.round)
            try:
                await self._rpc.submit(self._bringer.extrinsic(pulse, block))
            except NodeRefused as refusal:
                self._tell(pulse.round, str(refusal))
                continue  # the pool may have it from a look before
            logger.debug("brought the pulse of round {}", pulse.round)
            taken += 1
        return taken

    def _tell(self, number: int, refusal: str) -> None:
        """Log a refusal, once as long as it is the same."""
        if refusal != self._refused:
            logger.warning("the node refuses the pulse of round {}: {}", number, refusal)
        self._refused = refusal

    async def _waiting(self) -> Waiting:
        """What waits on the chain."""
        awaited, brought, texts, rows = await asyncio.gather(
            self._keys(AWAITED_ROUNDS_KEY, AWAITED_READ_MAX),
            self._storage(BROUGHT_KEY),
            self._storage(SEALED_TEXTS_KEY),
            self._keys(SEALED_ROWS_KEY, 1),
        )
        return Waiting.of(awaited, brought=brought, texts=texts, rows=rows)

    async def _keys(self, prefix: bytes, count: int) -> list[bytes]:
        """The first ``count`` keys that begin with ``prefix``."""
        told = await self._rpc.ask("state_getKeysPaged", f"0x{prefix.hex()}", count)
        try:
            return [bytes.fromhex(key.removeprefix("0x")) for key in told[:count]]
        except (AttributeError, TypeError, ValueError):
            raise self._rpc.unlike("state_getKeysPaged") from None

    async def _block_ms(self) -> int:
        """Milliseconds a block, which a chain's root may change."""
        told = await self._rpc.ask_bytes("state_call", "AuraApi_slot_duration", "0x")
        if told is None or len(told) != NUMBER_BYTES:
            raise self._rpc.unlike("state_call")
        return number_of(told)

    async def _number(self, key: bytes) -> int:
        told = await self._storage(key)
        if told is not None and len(told) != NUMBER_BYTES:
            raise self._rpc.unlike("state_getStorage")
        return number_of(told)

    async def _storage(self, key: bytes) -> bytes | None:
        return await self._rpc.ask_bytes("state_getStorage", f"0x{key.hex()}")
