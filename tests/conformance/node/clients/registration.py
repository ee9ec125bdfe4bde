"""The unmodified SDK registers a neuron by a plain call, and an owner sets a value.

Run as a program of its own, as a user's script would be: ``registration.py URL``. Prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from types import SimpleNamespace
from typing import Any


async def run(url: str) -> dict[str, Any]:
    from bittensor._generated import calls
    from bittensor.client import Client
    from bittensor.sp_core import Keypair

    def wallet(uri: str) -> Any:
        coldkey = Keypair.create_from_uri(uri)
        hotkey = Keypair.create_from_uri(f"{uri}//hot")
        return SimpleNamespace(name=uri, coldkey=coldkey, coldkeypub=coldkey, hotkey=hotkey)

    alice, bob = wallet("//Alice"), wallet("//Bob")
    client = Client(url)
    await client.connect()
    found = await client.submit_call(
        calls.SubtensorModule.register_network(alice.hotkey.ss58_address), alice
    )
    owned = await client.submit_call(calls.AdminUtils.sudo_set_immunity_period(1, 7), alice)
    before = await client.subnets.metagraph(1)
    joined = await client.submit_call(
        calls.SubtensorModule.burned_register(1, bob.hotkey.ss58_address), bob
    )
    after = await client.subnets.metagraph(1)
    hyperparameters = await client.read("subnet_hyperparameters", netuid=1)
    await client.close()
    return {
        "found": found.success,
        "owned": owned.success,
        "joined": joined.success,
        "bob": bob.hotkey.ss58_address,
        "before": before.hotkeys,
        "after": after.hotkeys,
        "immunity_period": hyperparameters["immunity_period"],
    }


if __name__ == "__main__":
    # The SDK keeps metadata in the home folder; a chain that lasts a minute has no place there.
    with tempfile.TemporaryDirectory() as cache:
        os.environ["BITTENSOR_RUNTIME_CACHE_DIR"] = cache
        sys.stdout.write(json.dumps(asyncio.run(run(sys.argv[1]))))
