"""``dev_*``: for tests, and for sealing by hand.

They are there only if the node was started with them: an ordinary client must not decide when a
block is made. None of them writes storage, because a chain's state changes by its blocks only.
"""

from __future__ import annotations

from assay.localnet.rpc.encoding import hex_of
from assay.localnet.rpc.errors import invalid_params
from assay.localnet.rpc.node import RpcNode
from assay.localnet.rpc.registry import Methods

methods = Methods("dev")


@methods.call("dev_newBlock")
def new_block(node: RpcNode, count: int = 1) -> str:
    """Build ``count`` blocks at once, and answer the hash of the last."""
    if not 1 <= count <= node.limits.dev_blocks_max:
        raise invalid_params(f"count is 1 to {node.limits.dev_blocks_max}")
    node.end()  # blocks take what they take: the limit is for what strangers may ask
    for _ in range(count):
        built = node.service.seal()
    return hex_of(built.block.hash)
