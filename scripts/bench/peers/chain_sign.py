"""Sign transfers ahead of time, in a process of its own, with the SDK: one hex text a line.

    chain_sign.py URL OUT TRANSFERS ACCOUNTS

The accounts are derived anew and funded by the development account first, which takes some blocks.
The transfers go round the accounts, so that each account's nonces are in order and the load is not
one sender's. They are immortal: they stay valid however long the run takes to begin.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

EACH_RAO = 10**10
VALUE_RAO = 1_000_000
FUNDING_S = 60


async def sign(url: str, out: Path, transfers: int, accounts: int) -> None:
    from bittensor._generated import calls
    from bittensor.client import Client
    from bittensor.sp_core import Keypair

    client = Client(url)
    await client.connect()
    chain = client._substrate.raw
    alice = Keypair.create_from_uri("//Alice")
    keys = [Keypair.create_from_uri(f"//bench//{number}") for number in range(accounts)]
    first = await chain._session.request("account_nextIndex", [alice.ss58_address])
    for number, key in enumerate(keys):
        call = await composed(chain, calls.Balances.transfer_keep_alive(
            dest=key.ss58_address, value=EACH_RAO
        ))  # fmt: skip
        signed = await chain.sign_without_nonce_tracking(call, alice, nonce=first + number)
        await chain._session.request("author_submitExtrinsic", ["0x" + signed.data.hex()])
    async with asyncio.timeout(FUNDING_S):
        last = ("System", "Account"), [keys[-1].ss58_address]
        while (await client.query(*last))["data"]["free"] < EACH_RAO:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    with out.open("w") as lines:
        for number in range(transfers):
            nonce, index = divmod(number, accounts)
            call = await composed(chain, calls.Balances.transfer_keep_alive(
                dest=keys[(index + 1) % accounts].ss58_address, value=VALUE_RAO
            ))  # fmt: skip
            signed = await chain.sign_without_nonce_tracking(call, keys[index], nonce=nonce)
            lines.write("0x" + signed.data.hex() + "\n")


async def composed(chain: object, call: object) -> object:
    """The call's bytes; the SDK's generated calls are descriptions."""
    return await chain.compose_call(call.module, call.function, call.params)  # type: ignore[attr-defined]


if __name__ == "__main__":
    import os

    with tempfile.TemporaryDirectory() as cache:
        os.environ["BITTENSOR_RUNTIME_CACHE_DIR"] = cache
        asyncio.run(sign(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
