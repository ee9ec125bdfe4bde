"""One gateway before miners at the given ports, for ``scripts/bench/served``.

    serve_gateway.py FOLDER MODEL PORTS PERMIT

Prints ``{"port", "key"}`` when it serves, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvloop
from load import say
from loguru import logger

from assay.chain.interface import Endpoint
from assay.gateway.keys import KeyFile, key_path
from assay.gateway.model import OfferedModel
from assay.gateway.run import run_gateway
from scripts.bench.served import GATEWAY, same_subnet


async def main(folder: Path, reference: str, ports: list[int], *, permit: bool) -> None:
    model = OfferedModel.load(reference, "demo")
    stop = asyncio.Event()
    async with same_subnet(ports, model.root, folder, permit=permit) as subnet:
        key, _ = KeyFile(key_path(folder), clock=subnet.clock).add("bench", replace=True)

        async def until_told() -> None:
            await asyncio.to_thread(sys.stdin.read)
            stop.set()

        waiting = asyncio.create_task(until_told())
        await run_gateway(
            subnet,
            GATEWAY,
            model,
            bind=Endpoint("127.0.0.1", 0),
            ready=lambda port: say({"port": port, "key": key}),
            stop=stop,
            drain_s=1.0,
        )
        await waiting


if __name__ == "__main__":
    import json

    logger.remove()
    logger.add(sys.stderr, level="INFO")
    place, name, listed, permitted = sys.argv[1:]
    uvloop.run(main(Path(place), name, json.loads(listed), permit=permitted == "1"))
