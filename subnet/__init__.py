"""Assay: what every participant of a subnet shares.

The rooms, and what each one knows:

``types errors clock files``
    Words that all rooms use. Standard library only.
``localnet``
    The node: runs the Wasm runtime, builds blocks, keeps them, answers JSON-RPC.
    It knows nothing of neurons.
``chain``
    The client side of any chain, local or public: one interface, the bittensor SDK behind it,
    and an in-memory fake that passes the same tests.
``wire``
    Signed requests and signed replies between neurons. It knows nothing of tasks or chains.
``protocol``
    The messages of each task, shared by its miners and its validators.
``neuron``
    The Task interface and the two loops, the miner's and the validator's.
``models``
    Model code that miners and validators share.
``lab``
    Cheats and faults that wrap the real code from outside. Nothing imports it.
``cli``
    What a person sees. It may import everything.

Who may import whom is data in ``tests/tidy/layers.toml``, held by a test.
"""
