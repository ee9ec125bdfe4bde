"""Scoring: the arithmetic of incentives, pure and numpy only.

No clock, socket, file or random source. ``assay.scoring.reference`` holds slow, readable oracles
in the chain's own fixed point; the modules beside it are what validators call.
"""
