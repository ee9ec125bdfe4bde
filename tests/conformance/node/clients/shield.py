"""The unmodified SDK submits through the shield: its own registration, and what must be refused.

Run as a program of its own, as a user's script would be: ``shield.py URL``. Prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from types import SimpleNamespace
from typing import Any

PERIOD = 8
"""Blocks for which the SDK signs what it seals."""


async def run(url: str) -> dict[str, Any]:
    import bittensor_core
    from bittensor._generated import calls, storage
    from bittensor.client import Client
    from bittensor.intents.registration import BurnedRegister
    from bittensor.sp_core import Keypair

    def wallet(uri: str) -> Any:
        coldkey = Keypair.create_from_uri(uri)
        hotkey = Keypair.create_from_uri(f"{uri}//hot")
        return SimpleNamespace(name=uri, coldkey=coldkey, coldkeypub=coldkey, hotkey=hotkey)

    alice, bob, charlie = wallet("//Alice"), wallet("//Bob"), wallet("//Charlie")
    client = Client(url)
    await client.connect()

    async def free(who: Any) -> int:
        account = await client.query(storage.System.Account, [who.coldkey.ss58_address])
        return int(account["data"]["free"])

    async def submit(ciphertext: bytes, period: int = PERIOD) -> dict[str, Any]:
        call = calls.MevShield.submit_encrypted(ciphertext=ciphertext)
        before = await free(charlie)
        result = await client.submit_call(call, charlie, period=period)
        return {
            "success": result.success,
            "message": result.message,
            "paid": before - await free(charlie),
        }

    found = await client.submit_call(
        calls.SubtensorModule.register_network(alice.hotkey.ss58_address), alice
    )
    key = None
    while key is None:
        key = await client.read("mev_shield_next_key")
        await asyncio.sleep(0.05)
    key = bytes.fromhex(key.removeprefix("0x")) if isinstance(key, str) else bytes(key)

    before = await free(bob)
    joined = await client.execute(
        BurnedRegister(netuid=1, hotkey_ss58=bob.hotkey.ss58_address), bob
    )
    spent_to = await free(bob)
    after = await client.subnets.metagraph(1)
    nonce = (await client.query(storage.System.Account, [bob.coldkey.ss58_address]))["nonce"]

    def sealed(text: bytes) -> bytes:
        return bytes(bittensor_core.encrypt_mlkem768(key, text, include_key_hash=True))

    good = sealed(b"no extrinsic")
    refused = {
        "no ciphertext": await submit(b"\0"),
        "another key": await submit(bytes(16) + good[16:]),
        "too long a life": await submit(good, period=64),
        "no extrinsic": await submit(good),
        "damaged": await submit(good[:-1] + bytes((good[-1] ^ 1,))),
    }
    await client.close()
    return {
        "found": found.success,
        "key_bytes": len(key),
        "joined": joined.success,
        "message": joined.message,
        "data": {name: joined.data.get(name) for name in ("shielded", "inner_extrinsic_hash")},
        "extrinsic": joined.extrinsic_id,
        "spent": before - spent_to,
        "bob": bob.hotkey.ss58_address,
        "hotkeys": after.hotkeys,
        "nonce": int(nonce),
        "refused": refused,
    }


if __name__ == "__main__":
    # The SDK keeps metadata in the home folder; a chain that lasts a minute has no place there.
    with tempfile.TemporaryDirectory() as cache:
        os.environ["BITTENSOR_RUNTIME_CACHE_DIR"] = cache
        sys.stdout.write(json.dumps(asyncio.run(run(sys.argv[1]))))
