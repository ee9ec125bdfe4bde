"""The unmodified SDK against a node: connect, read, transfer, watch. Prints what it saw as JSON.

Run as a program of its own, as a user's script would be: ``sdk.py URL``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from types import SimpleNamespace
from typing import Any

VALUE_RAO = 777


async def run(url: str) -> dict[str, Any]:
    from bittensor._generated import calls
    from bittensor.client import Client
    from bittensor.sp_core import Keypair

    alice, bob = Keypair.create_from_uri("//Alice"), Keypair.create_from_uri("//Bob")
    client = Client(url)
    await client.connect()
    wallet: Any = SimpleNamespace(coldkey=alice, coldkeypub=alice, hotkey=alice)

    async def free(address: str) -> int:
        account = await client.query(("System", "Account"), [address])
        return int(account["data"]["free"])

    before = await free(bob.ss58_address)
    call = calls.Balances.transfer_keep_alive(dest=bob.ss58_address, value=VALUE_RAO)
    result = await client.submit_call(call, wallet)
    raw = client._substrate.raw
    heads = []
    async for head in raw.subscribe_heads(finalized=True):
        heads.append(head["number"])
        if len(heads) == 3:
            break
    return {
        "slot_ms": await client.constant(("Aura", "SlotDuration")),
        "genesis": await raw.genesis_hash(),
        "success": result.success,
        "block_hash": result.block_hash,
        "received": await free(bob.ss58_address) - before,
        "events": [event["event"]["event_id"] for event in await raw.get_events(result.block_hash)],
        "accounts": len([pair async for pair in await raw.query_map("System", "Account")]),
        "heads": heads,
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as cache:
        os.environ["BITTENSOR_RUNTIME_CACHE_DIR"] = cache
        sys.stdout.write(json.dumps(asyncio.run(run(sys.argv[1]))) + "\n")
