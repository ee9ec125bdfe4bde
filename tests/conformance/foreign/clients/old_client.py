"""The client library below the SDK's lines 9.x to 10.2: reads, asks for a fee, and transfers.

Run in the foreign clients' own environment: ``old_client.py URL``. Prints what it saw as JSON.
async-substrate-interface 1.x takes type 0 of metadata V15 for an account, and V14's type numbers
for V15's: on a chain that numbers them otherwise nothing here works.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from async_substrate_interface.async_substrate import AsyncSubstrateInterface
from substrateinterface import Keypair

SENT_RAO = 234_567_891


async def run(url: str) -> dict[str, Any]:
    sender = Keypair.create_from_uri("//Charlie")
    other = Keypair.create_from_uri("//Foreign/Old").ss58_address
    async with AsyncSubstrateInterface(url, ss58_format=42) as chain:
        nonce = await chain.get_account_next_index(sender.ss58_address)
        call = await chain.compose_call(
            "Balances", "transfer_keep_alive", {"dest": other, "value": SENT_RAO}
        )
        fee = await chain.get_payment_info(call, sender)
        extrinsic = await chain.create_signed_extrinsic(call, sender)
        receipt = await chain.submit_extrinsic(extrinsic, wait_for_finalization=True)
        account = await chain.query("System", "Account", [other])
        nonce_after = await chain.runtime_call(
            "AccountNonceApi", "account_nonce", [sender.ss58_address]
        )
        return {
            "nonce": nonce,
            "partial_fee": fee["partial_fee"],
            "success": await receipt.is_success,
            "block": receipt.block_hash,
            "sender": sender.ss58_address,
            "other": other,
            "free": account["data"]["free"],
            "nonce_after": nonce_after.value,
        }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(run(sys.argv[1])), default=str) + "\n")
