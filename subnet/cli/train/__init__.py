"""`assay train`: make a run, take part in it, and see how far it is.

- ``command``: the group of commands
- ``corpus``: cut texts into tokens
- ``new``, ``terms``: make a run's folder, and what it may be made with
"""
