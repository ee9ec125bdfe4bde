"""``system_*`` and ``rpc_methods``: what this node is.

The node has no peers and never syncs. Clients that wait for peers or for a sync (polkadot.js) get
the answers of a single development node. Substrate's ``system_`` prefix also has the next nonce
with the pool's transactions counted, so it is here too.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from assay.localnet.rpc.encoding import hex_of
from assay.localnet.rpc.methods.author import check_framing, submission_price
from assay.localnet.rpc.node import RpcNode
from assay.localnet.rpc.params import AccountId32, Hash, Hex
from assay.localnet.rpc.prices import RUNTIME_CALL_S
from assay.localnet.rpc.registry import Methods

methods = Methods("system")


@methods.call("rpc_methods")
def rpc_methods(node: RpcNode) -> Any:
    return {"methods": list(node.methods)}


@methods.call("system_name")
def name(node: RpcNode) -> str:
    return "Assay"


@methods.call("system_version")
def version(node: RpcNode) -> str:
    return _version()


@cache
def _version() -> str:
    from importlib import metadata  # 40 ms: too much for every start

    try:
        return metadata.version("assay")
    except metadata.PackageNotFoundError:  # a checkout that was not installed
        return "unknown"


@methods.call("system_chain")
def chain(node: RpcNode) -> str:
    return node.backend.chain_name


@methods.call("system_chainType")
def chain_type(node: RpcNode) -> str:
    return "Local"


@methods.call("system_properties")
def properties(node: RpcNode) -> Any:
    return dict(node.backend.properties)


@methods.call("system_health")
def health(node: RpcNode) -> Any:
    return {"peers": 0, "isSyncing": False, "shouldHavePeers": False}


@methods.call("system_nodeRoles")
def node_roles(node: RpcNode) -> list[str]:
    return ["Authority"]


@methods.call("system_peers")
def peers(node: RpcNode) -> list[str]:
    return []


@methods.call("system_localListenAddresses")
def local_listen_addresses(node: RpcNode) -> list[str]:
    """Always empty: there is no peer-to-peer network."""
    return []


@methods.call("system_syncState")
def sync_state(node: RpcNode) -> Any:
    number = node.backend.head.number
    return {"startingBlock": number, "currentBlock": number, "highestBlock": number}


@methods.call("system_accountNextIndex", "account_nextIndex")
def account_next_index(node: RpcNode, account: AccountId32) -> int:
    """The next nonce of ``account`` after those of its ready transactions in the pool."""
    raw = node.call("AccountNonceApi_account_nonce", account)
    return node.pool.next_nonce(account, int.from_bytes(raw, "little"))


def _dry_run_price(node: RpcNode, extrinsic: bytes, at: bytes | None) -> float:
    return RUNTIME_CALL_S + submission_price(node, extrinsic)


@methods.call("system_dryRun", "system_dryRunAt", price=_dry_run_price)
def dry_run(node: RpcNode, extrinsic: Hex, at: Hash | None = None) -> str:
    """The ``ApplyExtrinsicResult`` of ``extrinsic`` on the state ``at``, which stays as it is."""
    check_framing(extrinsic)
    return hex_of(node.call("BlockBuilder_apply_extrinsic", extrinsic, at))
