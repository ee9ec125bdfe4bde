"""The transaction pool: what clients submitted and no block holds yet.

``TransactionPool`` is the only class that others use. ``ordering`` holds the graph of tags,
``room`` says which entries leave a full pool, ``shares`` which sender holds most of the pool,
``bans`` keeps the hashes of invalid transactions, ``limits`` the numbers, ``errors`` why a
transaction is turned away; ``pool`` joins them. No module here reads a clock or opens a socket.
"""

from assay.localnet.pool.pool import BlockEffects, Event, Status, Submitted, TransactionPool

__all__ = ["BlockEffects", "Event", "Status", "Submitted", "TransactionPool"]
