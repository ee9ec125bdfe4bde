"""The beacon of one node: makes the pulses that are due after each block, and submits them.

Time is the chain's own: the last block's. As long as nothing on the chain waits for a round there
is one pulse in ``IDLE_ROUNDS``, which tells clients that there is a beacon; a pulse is kept for a
week, and one every three seconds would fill the state for nobody. As soon as something is sealed,
every round has its pulse, in order. A block is never held up: pulses are made between blocks, no
more than ``PULSES_A_BLOCK``, and go through the pool like everybody's extrinsics.

The beacon is silent on a chain that follows another one, such as drand's quicknet.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Final

from loguru import logger

from assay.errors import AssayError
from assay.localnet.backend import Backend
from assay.localnet.beacon.pulse import (
    CONFIG_KEY,
    LAST_ROUND_KEY,
    SIGNATURE_BYTES,
    BeaconConfig,
    Bringer,
    Pulse,
)
from assay.localnet.built_block import BuiltBlock
from assay.localnet.primitives.scale import ScaleError
from assay.localnet.primitives.well_known_keys import TIMESTAMP_NOW, item_key
from assay.localnet.service import Service
from assay.localnet.state.view import State

DEVELOPMENT_SEED: Final = hashlib.sha256(b"assay local beacon").digest()
"""What the key in the preset ``local`` is made of. Anybody may open what is sealed to it."""

IDLE_ROUNDS: Final = 20
"""A minute's."""

PULSES_A_BLOCK: Final = 2
"""To make one, and to have it verified by the pool, takes some hundredths of a second."""

CATCH_UP_ROUNDS: Final = 200
"""Ten minutes'. After a longer silence (the chain was stopped) the beacon goes on with the present,
and what was sealed to a round before that is never opened."""

_COMMITMENTS: Final = item_key("Commitments", "TimelockedIndex")
_WEIGHTS: Final = item_key("SubtensorModule", "TimelockedWeightCommits")
_EMPTY_SET: Final = b"\0"


def something_is_sealed(state: State) -> bool:
    """Whether anything in ``state`` waits for a round."""
    if state.get(_COMMITMENTS) not in (None, _EMPTY_SET):
        return True
    return bool(state.keys(_WEIGHTS, count=1))


def due_rounds(config: BeaconConfig, state: State) -> range:
    """The rounds whose pulses are due in ``state``, the lowest first."""
    current = config.round_at(_number(state.get(TIMESTAMP_NOW)))
    last = _number(state.get(LAST_ROUND_KEY))
    if current <= last:
        return range(0)
    if last and something_is_sealed(state):
        first = max(last, current - CATCH_UP_ROUNDS) + 1
        return range(first, min(current, first + PULSES_A_BLOCK - 1) + 1)
    if last and current - last < IDLE_ROUNDS:
        return range(0)
    return range(current, current + 1)


def _number(stored: bytes | None) -> int:
    return int.from_bytes(stored or b"", "little")


class LocalBeacon:
    """The beacon of one node. ``run`` it beside the service's loop."""

    def __init__(self, backend: Backend, service: Service, seed: bytes = DEVELOPMENT_SEED) -> None:
        self._backend = backend
        self._service = service
        self._seed = seed
        self._bringer = Bringer(seed)
        self._public_key: bytes | None = None
        self._woken = asyncio.Event()
        service.on_block(self._on_block)

    def _on_block(self, _: BuiltBlock) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Bring pulses until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            await asyncio.sleep(0)  # whoever was told of the block comes first
            try:
                await self._bring()
            except AssayError as refused:
                # Another has brought it, or the pool is full: the next block asks anew.
                logger.debug("the beacon's pulse did not get in: {}", refused)

    async def _bring(self) -> None:
        config = self._followed()
        if config is None:
            return
        for number in due_rounds(config, self._backend.state()):
            if self._service.block_is_due():
                return
            pulse = Pulse(number, self._ask("beacon_signature", number.to_bytes(8, "little")))
            self._service.submit(self._bringer.extrinsic(pulse, self._backend.head.number))
            await asyncio.sleep(0)

    def _followed(self) -> BeaconConfig | None:
        """The chain's configuration, if it follows this beacon."""
        stored = self._backend.state().get(CONFIG_KEY)
        if stored is None:
            return None
        config = BeaconConfig.read(stored)
        if self._public_key is None:
            self._public_key = self._ask("beacon_public_key")
        return config if config.public_key == self._public_key else None

    def _ask(self, question: str, argument: bytes = b"") -> bytes:
        """Have the runtime do the arithmetic; its answer is an ``Option`` of bytes."""
        answer = self._backend.call(f"BeaconRuntimeApi_{question}", self._seed + argument)
        if len(answer) <= SIGNATURE_BYTES or answer[0] != 1:
            raise ScaleError(f"{question} has no answer")
        return answer[1:]
