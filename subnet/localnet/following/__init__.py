"""Following: a node that makes no blocks of its own, but takes those of another node of its chain.

``source`` asks the other node, over JSON-RPC, and reads what it answers; ``follower`` takes its
finalized blocks in their order, has each executed here, and hands on what clients submit. A block
is kept only if executing it gives the root that its header names, so the other node can hold blocks
back, and cannot invent what is in them. Who may make blocks is not judged: that is consensus.
"""
