"""substrate-interface, an independent client, against a node. Prints what it saw as JSON.

Run as a program in the foreign clients' own environment: ``substrate_interface.py URL``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

VALUE_RAO = 12_345
POOR = "//Nobody"


def run(url: str) -> dict[str, Any]:
    from substrateinterface import Keypair, SubstrateInterface
    from substrateinterface.exceptions import SubstrateRequestException

    alice, bob = Keypair.create_from_uri("//Alice"), Keypair.create_from_uri("//Bob")
    chain = SubstrateInterface(url=url)

    def free(address: str) -> int:
        return int(chain.query("System", "Account", [address]).value["data"]["free"])

    def refusal(sender: Keypair, **options: Any) -> Any:
        try:
            chain.submit_extrinsic(chain.create_signed_extrinsic(call, sender, **options))
        except SubstrateRequestException as error:
            return error.args[0]
        return None

    before = free(bob.ss58_address)
    call = chain.compose_call(
        "Balances", "transfer_keep_alive", {"dest": bob.ss58_address, "value": VALUE_RAO}
    )
    mortal = chain.create_signed_extrinsic(call, alice, era={"period": 64})
    fee = chain.rpc_request("payment_queryInfo", [str(mortal.data)])["result"]["partialFee"]
    included = chain.submit_extrinsic(mortal, wait_for_inclusion=True)
    events = [event.value["event_id"] for event in included.triggered_events]
    final = chain.submit_extrinsic(
        chain.create_signed_extrinsic(call, alice), wait_for_finalization=True
    )
    heads: list[int] = []

    def on_head(head: Any, number: int, _: str) -> Any:
        heads.append(head["header"]["number"])
        return "seen" if number == 2 else None

    chain.subscribe_block_headers(on_head)
    return {
        "chain": chain.chain,
        "ss58": chain.ss58_format,
        "token": [chain.token_symbol, chain.token_decimals],
        "methods": chain.rpc_request("rpc_methods", [])["result"]["methods"],
        "fee": int(fee),
        "fee_paid": included.total_fee_amount,
        "included_in": included.block_hash,
        "events": events,
        "finalized": final.finalized,
        "received": free(bob.ss58_address) - before,
        "accounts": len(list(chain.query_map("System", "Account", page_size=3))),
        "heads": heads,
        "stale": refusal(alice, nonce=0),
        "poor": refusal(Keypair.create_from_uri(POOR)),
        "block": chain.get_block(included.block_hash)["header"]["number"],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(sys.argv[1])) + "\n")
