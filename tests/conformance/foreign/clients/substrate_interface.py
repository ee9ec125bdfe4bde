"""substrate-interface as somebody's script: connects, transfers, reads events and storage.

Run in the foreign clients' own environment: ``substrate_interface.py URL``. Prints what it saw as
JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from substrateinterface import Keypair, SubstrateInterface

NETUID = 1
SENT_RAO = 1_234_567_890


def event(record: Any) -> dict[str, Any]:
    value = record.value
    return {
        "extrinsic": value["extrinsic_idx"],
        "name": f"{value['module_id']}.{value['event_id']}",
        "attributes": value["attributes"],
    }


def run(url: str) -> dict[str, Any]:
    bob = Keypair.create_from_uri("//Bob")
    other = Keypair.create_from_uri("//Foreign/Other").ss58_address
    chain = SubstrateInterface(url=url)
    call = chain.compose_call("Balances", "transfer_keep_alive", {"dest": other, "value": SENT_RAO})
    receipt = chain.submit_extrinsic(
        chain.create_signed_extrinsic(call, bob), wait_for_finalization=True
    )
    at = receipt.block_hash

    def query(item: str, *keys: Any) -> Any:
        return chain.query("SubtensorModule", item, list(keys), block_hash=at).value

    keys = chain.query_map("SubtensorModule", "Keys", [NETUID], block_hash=at)
    return {
        "chain": chain.chain,
        "spec": chain.runtime_version,
        "sender": bob.ss58_address,
        "other": other,
        "success": receipt.is_success,
        "block": at,
        "fee_rao": receipt.total_fee_amount,
        "index": receipt.extrinsic_idx,
        "events": [event(record) for record in chain.get_events(at)],
        "own_events": [event(record) for record in receipt.triggered_events],
        "free": chain.query("System", "Account", [bob.ss58_address], at).value["data"]["free"],
        "keys": {uid.value: hotkey.value for uid, hotkey in keys},
        "tempo": query("Tempo", NETUID),
        "owner": query("SubnetOwner", NETUID),
        "symbol": query("TokenSymbol", NETUID),
        "incentive": query("Incentive", NETUID),
        "existential_deposit": chain.get_constant("Balances", "ExistentialDeposit").value,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(sys.argv[1])) + "\n")
