"""The node: a Substrate chain in one process, for one's own machine.

A transaction's life, folder by folder: ``rpc`` takes it from a client, ``pool`` asks whether it is
valid and orders it, ``sealing`` says when to build, ``blocks`` builds, ``executor`` runs the Wasm
runtime, ``state`` holds what it changed; ``service`` is the one loop that drives them all.
``backend`` is the border between the pure core (executor, state, blocks) and the node around it.

The core opens no socket and reads no clock. Nothing here knows of neurons.
"""
