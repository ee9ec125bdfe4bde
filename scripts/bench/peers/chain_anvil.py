"""Anvil, the Ethereum development chain, measured as ``scripts/bench/chain`` measures ours.

    chain_anvil.py ANVIL TRANSFERS BLOCKS STARTS

Starts the program ANVIL, mines BLOCKS empty blocks by ``anvil_mine``, then sends TRANSFERS
transfers from its own 128 accounts, one frame each, over one WebSocket; Anvil signs them itself.
The clock runs from the first frame to the block after which no transaction is pending. Prints one
JSON document: a list of values for each metric.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import aiohttp

ACCOUNTS = 128
BLOCK_S = "0.25"  # as a local chain of ours
START_S = 30.0
LOAD_S = 300.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Anvil:
    """One process, from its start to its first answer."""

    def __init__(self, program: str, *options: str) -> None:
        self.port = free_port()
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), "--accounts", str(ACCOUNTS), "--silent", *options],
            stdout=subprocess.DEVNULL,
        )

    async def answered(self, http: aiohttp.ClientSession) -> float:
        """Seconds from the start to the first answer."""
        while time.perf_counter() - self.started < START_S:
            try:
                await self.call(http, "eth_blockNumber")
            except aiohttp.ClientError:
                await asyncio.sleep(0.001)
                continue
            return time.perf_counter() - self.started
        raise SystemExit("Anvil did not answer")

    async def call(self, http: aiohttp.ClientSession, method: str, *params: object) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with http.post(f"http://127.0.0.1:{self.port}", json=body) as reply:
            told = await reply.json()
        if "error" in told:
            raise SystemExit(f"{method}: {told['error']}")
        return told["result"]

    def memory_mb(self, field: str) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field + ":"))

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


async def transfer(anvil: Anvil, http: aiohttp.ClientSession, transfers: int) -> float:
    """Transfers a second, all of them in blocks."""
    accounts = await anvil.call(http, "eth_accounts")
    frames = [
        json.dumps({
            "jsonrpc": "2.0", "id": number, "method": "eth_sendTransaction",
            "params": [{"from": accounts[number % ACCOUNTS],
                        "to": accounts[(number + 1) % ACCOUNTS], "value": "0x1",
                        "nonce": hex(number // ACCOUNTS)}],
        })
        for number in range(transfers)
    ]  # fmt: skip
    async with http.ws_connect(f"ws://127.0.0.1:{anvil.port}", max_msg_size=0) as ws:
        began = time.perf_counter()

        async def send() -> None:
            for frame in frames:
                await ws.send_str(frame)

        sending = asyncio.ensure_future(send())
        for _ in frames:
            told = json.loads((await ws.receive(LOAD_S)).data)
            if "error" in told:
                raise SystemExit(f"a transfer was refused: {told['error']}")
        await sending
        pending = "0x1"
        while int(pending, 16):
            pending = (await anvil.call(http, "txpool_status"))["pending"]
        return transfers / (time.perf_counter() - began)


async def measure(program: str, transfers: int, blocks: int, starts: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    async with aiohttp.ClientSession() as http:
        for _ in range(starts):
            anvil = Anvil(program)
            try:
                found["process start to first answer"].append(await anvil.answered(http))
                found["processor time of a start"].append(anvil.cpu_s())
                found["memory after the start"].append(anvil.memory_mb("VmRSS"))
            finally:
                anvil.end()
        anvil = Anvil(program, "--no-mining")
        try:
            await anvil.answered(http)
            await anvil.call(http, "anvil_mine", hex(10))
            began = time.perf_counter()
            await anvil.call(http, "anvil_mine", hex(blocks))
            found["empty block"].append((time.perf_counter() - began) / blocks * 1000)
        finally:
            anvil.end()
        anvil = Anvil(program, "--block-time", BLOCK_S)
        try:
            await anvil.answered(http)
            idle_s = anvil.cpu_s()
            found["signed transfers"].append(await transfer(anvil, http, transfers))
            spent_s = anvil.cpu_s() - idle_s
            found["processor time of a transfer"].append(spent_s / transfers * 1000)
            found["largest memory under load"].append(anvil.memory_mb("VmHWM"))
        finally:
            anvil.end()
    return found


if __name__ == "__main__":
    path, *numbers = sys.argv[1:]
    print(json.dumps(asyncio.run(measure(path, *map(int, numbers)))))
