"""The committed runtime, in our own host, against the oracles of ``assay.scoring.reference``."""
