"""The methods, one file a prefix (``author``, ``chain``, ``dev``, ``payment``, ``state``,
``system``); ``registry`` puts them together.

``dev`` methods change what ordinary clients cannot (when a block is made): they are there only if
the node was started with them.
"""

from assay.localnet.rpc.methods import author, chain, dev, payment, state, system
from assay.localnet.rpc.registry import Registry


def registry(*, dev_methods: bool) -> Registry:
    """Every method that the node answers."""
    groups = [author.methods, chain.methods, payment.methods, state.methods, system.methods]
    if dev_methods:
        groups.append(dev.methods)
    return Registry(groups)


__all__ = ["registry"]
