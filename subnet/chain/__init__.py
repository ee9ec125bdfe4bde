"""The client side of a chain, local or public: one interface and two chains behind it.

``interface``
    ``Chain``: what a neuron may ask of a chain and tell it, and the typed values that come back.
``deadlines``
    How long a client waits for its chain.
``connect address``
    Open a chain by its name or address; ``outage`` tells the log when one does not answer.
``view follow``
    What loops and tasks see: one subnet, followed block by block, read once a block a process.
``errors``
    The ways a chain says no, each with its cause and its cure.
``weights``
    Relative weights to the u16 row a chain stores, and every check it makes first.
``sealing``
    Rows that are committed by their hash and opened later.
``fake fake_*``
    A chain in memory with the same semantics, for tests and for trying a task.
``sdk*``
    The bittensor SDK behind the interface. Nothing else in the project imports it.
``wallets``
    Keys on disk in the SDK's own layout, and signers made from them; ``wallet_addresses`` reads
    their public side alone.

Neurons see ``interface`` and ``errors`` alone, so the same neuron runs on any of the chains.
"""
