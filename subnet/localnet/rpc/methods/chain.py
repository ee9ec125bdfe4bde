"""``chain_*``: blocks and heads.

There are no forks: the head is the best block, the finalized block and the only block of its
number. So the three kinds of heads that a client can subscribe to are the same. This module reads
no storage.
"""

from __future__ import annotations

from typing import Any

from assay.localnet.rpc.encoding import header_json, hex_of, hex_or_none, signed_block_json
from assay.localnet.rpc.errors import invalid_params
from assay.localnet.rpc.node import RpcNode
from assay.localnet.rpc.params import Hash
from assay.localnet.rpc.registry import Methods
from assay.localnet.rpc.subscriptions import Opened, Subscriber

methods = Methods("chain")


def _number(given: int | str) -> int:
    """A block number as clients write it: a JSON number, or hex with ``0x``."""
    try:
        number = int(given, 16) if isinstance(given, str) else given
    except ValueError:
        raise invalid_params("a block number is a number or hex") from None
    if not 0 <= number < 2**64:
        raise invalid_params("a block number fits into 64 bits")
    return number


@methods.call("chain_getBlockHash", "chain_getHead")
def get_block_hash(node: RpcNode, number: int | str | list[int | str] | None = None) -> Any:
    """The hash of the block ``number``, of each number of a list, or without one of the head."""
    if number is None:
        return hex_of(node.backend.head.hash)
    if isinstance(number, list):
        if len(number) > node.limits.hashes_max:
            raise invalid_params(f"at most {node.limits.hashes_max} numbers")
        return [hex_or_none(node.backend.block_hash(_number(one))) for one in number]
    return hex_or_none(node.backend.block_hash(_number(number)))


@methods.call("chain_getFinalizedHead", "chain_getFinalisedHead")
def get_finalized_head(node: RpcNode) -> str:
    return hex_of(node.backend.head.hash)


@methods.call("chain_getHeader")
def get_header(node: RpcNode, block_hash: Hash | None = None) -> Any:
    block = node.backend.head if block_hash is None else node.backend.block(block_hash)
    return None if block is None else header_json(block.header)


@methods.call("chain_getBlock")
def get_block(node: RpcNode, block_hash: Hash | None = None) -> Any:
    block = node.backend.head if block_hash is None else node.backend.block(block_hash)
    return None if block is None else signed_block_json(block)


@methods.subscription(
    "chain_subscribeNewHeads",
    "chain_subscribeNewHead",
    "subscribe_newHead",
    notification="chain_newHead",
    unsubscribe=("chain_unsubscribeNewHeads", "chain_unsubscribeNewHead", "unsubscribe_newHead"),
)
def subscribe_new_heads(node: RpcNode, subscriber: Subscriber, notification: str) -> Opened:
    return node.hub.heads(subscriber, notification)


@methods.subscription(
    "chain_subscribeAllHeads",
    notification="chain_allHead",
    unsubscribe=("chain_unsubscribeAllHeads",),
)
def subscribe_all_heads(node: RpcNode, subscriber: Subscriber, notification: str) -> Opened:
    return node.hub.heads(subscriber, notification)


@methods.subscription(
    "chain_subscribeFinalizedHeads",
    "chain_subscribeFinalisedHeads",
    notification="chain_finalizedHead",
    unsubscribe=("chain_unsubscribeFinalizedHeads", "chain_unsubscribeFinalisedHeads"),
)
def subscribe_finalized_heads(node: RpcNode, subscriber: Subscriber, notification: str) -> Opened:
    return node.hub.heads(subscriber, notification)
