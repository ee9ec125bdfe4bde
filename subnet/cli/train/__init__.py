"""`assay train`: make a run, take part in it, and see how far it is.

- ``command``: the group of commands
- ``corpus``: tokenise texts into a corpus
"""
