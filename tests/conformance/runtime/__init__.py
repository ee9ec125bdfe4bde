"""The committed runtime, in our own host: its arithmetic against the oracles of
``assay.scoring.reference``, its settings, calls and views against what clients know.
"""
