"""The pool: validity, ordering, limits.

``TransactionPool`` is the door. ``ordering`` holds the graph of tags, ``room`` says who leaves a
full pool, ``shares`` who holds most of it, ``bans`` the invalid hashes, ``limits`` the numbers.
Nothing here reads a clock or opens a socket.
"""

from assay.localnet.pool.pool import BlockEffects, Event, Status, Submitted, TransactionPool

__all__ = ["BlockEffects", "Event", "Status", "Submitted", "TransactionPool"]
