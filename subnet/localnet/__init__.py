"""The node: a Substrate chain in one process, for one's own machine.

A transaction's life, folder by folder: ``rpc`` takes it from a client, ``pool`` asks whether it is
valid and orders it, ``sealing`` says when to build, ``blocks`` builds, ``shield`` opens those that
were sealed, ``executor`` runs the Wasm runtime, ``state`` holds what it changed, and ``service``
drives them: its loop makes the blocks. ``backend`` is the border between the core (executor,
state, blocks) and the node around it, which it tells of each ``built_block``; ``primitives`` are
the values that all of them share.

``node`` puts a node together; ``holders`` says who has power and money on its chain. ``beacon``
brings a beacon's rounds. ``following`` takes another node's blocks, in place of making any; both
ask other nodes by ``rpc_client``.
``verify`` executes a stored chain again, ``export`` writes it out for another implementation.
``limits`` and ``time_limit`` bound what one call may take, ``errors`` says what can go wrong, and
``testing`` starts nodes for tests.

The core opens no socket and reads no clock. Nothing here knows of neurons.
"""
