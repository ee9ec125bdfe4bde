#!/usr/bin/env python3
"""One neuron of a training run, as a process of its own: `training_peer.py '{...}'`.

The argument is a JSON object: ``url`` and ``netuid`` of the subnet, ``state`` (the neuron's own
folder), ``run``, ``key`` (32 bytes in hex), ``port`` and ``announced`` (where the neuron listens,
and where it says it does), and ``role``. Prints ``ready`` once it serves.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from scripts import interpreter  # noqa: E402  of this checkout

interpreter.enter()

from loguru import logger  # noqa: E402  of the checkout's environment

from assay.chain.interface import Endpoint  # noqa: E402
from assay.miners.training import TrainingMiner, TrainingMinerSettings  # noqa: E402
from assay.neuron.run import open_subnet, run_miner, run_validator  # noqa: E402
from assay.validators.training import (  # noqa: E402
    TrainingValidator,
    TrainingValidatorSettings,
)
from assay.wire.keys import SeedSigner  # noqa: E402

HOST = "127.0.0.1"


async def main(told: dict[str, Any]) -> None:
    logger.remove()
    logger.add(sys.stderr, level="INFO", format="{time:HH:mm:ss.SSS} {level} {message}")
    hotkey = SeedSigner(bytes.fromhex(told["key"]))
    where = {
        "bind": Endpoint(HOST, told["port"]),
        "announce": Endpoint(HOST, told["announced"]),
        "ready": lambda port: print("ready", flush=True),
    }
    async with open_subnet(
        told["url"], told["netuid"], state_dir=Path(told["state"]), patience_s=120.0
    ) as subnet:
        if told["role"] == "miner":
            settings = TrainingMinerSettings(run=told["run"])
            await run_miner(subnet, hotkey, TrainingMiner(), settings=settings, **where)
        else:
            # What validators compute beside folding would be taken from the peers' cores.
            given = TrainingValidatorSettings(
                run=told["run"], audit_share=0.0, worth_sequences=0, copies=False
            )
            await run_validator(subnet, hotkey, TrainingValidator(), settings=given, **where)


asyncio.run(main(json.loads(sys.argv[1])))
