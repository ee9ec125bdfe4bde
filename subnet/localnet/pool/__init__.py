"""The pool: validity, ordering, limits.

``Pool`` is the door; ``ordering`` holds the graph of tags, ``bans`` the invalid hashes, ``limits``
the numbers. Nothing here reads a clock or opens a socket.
"""

from assay.localnet.pool.pool import BlockEffects, Event, Pool, Status, Submitted

__all__ = ["BlockEffects", "Event", "Pool", "Status", "Submitted"]
