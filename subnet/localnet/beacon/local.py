"""The beacon of one node: makes the pulses that are due after each block, and submits them.

Time is the chain's own: the last block's. A block is never held up: pulses are made between blocks
and go through the pool like everybody's extrinsics. The beacon is silent on a chain that follows
another one, such as drand's quicknet.
"""

from __future__ import annotations

import asyncio

from loguru import logger

from assay.errors import AssayError
from assay.localnet.backend import Backend
from assay.localnet.beacon.pulse import (
    AWAITED_ROUNDS_KEY,
    BROUGHT_KEY,
    CONFIG_KEY,
    DEVELOPMENT_SEED,
    LAST_ROUND_KEY,
    SEALED_ROWS_KEY,
    SEALED_TEXTS_KEY,
    SIGNATURE_BYTES,
    BeaconConfig,
    Bringer,
    Pulse,
    number_of,
)
from assay.localnet.beacon.schedule import AWAITED_READ_MAX, Waiting, at_once, due_rounds
from assay.localnet.built_block import BuiltBlock
from assay.localnet.primitives.scale import ScaleError
from assay.localnet.primitives.well_known_keys import TIMESTAMP_NOW
from assay.localnet.service import Service
from assay.localnet.state.view import State


def due_in(state: State, config: BeaconConfig, block_ms: int) -> list[int]:
    """The rounds whose pulses are due in ``state``, the lowest first, at a block every
    ``block_ms``."""
    due = due_rounds(
        config,
        number_of(state.get(TIMESTAMP_NOW)),
        number_of(state.get(LAST_ROUND_KEY)),
        Waiting.of(
            state.keys(AWAITED_ROUNDS_KEY, count=AWAITED_READ_MAX),
            brought=state.get(BROUGHT_KEY),
            texts=state.get(SEALED_TEXTS_KEY),
            rows=state.keys(SEALED_ROWS_KEY, count=1),
        ),
        block_ms=block_ms,
    )
    return due[: at_once(config, block_ms)]


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
                logger.debug("the chain names no beacon, or is asked in vain: {}", refused)

    async def _bring(self) -> None:
        config = self._followed()
        if config is None:
            return
        for number in due_in(self._backend.state(), config, self._backend.slot_duration_ms()):
            if self._service.block_is_due():
                return
            try:
                pulse = Pulse(number, self._ask("beacon_signature", number.to_bytes(8, "little")))
                self._service.submit(self._bringer.extrinsic(pulse, self._backend.head.number))
            except AssayError as refused:
                # Another has brought it, or the pool is full: the next block asks anew.
                logger.debug("the beacon's pulse of round {} did not get in: {}", number, refused)
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
