"""`assay train`: make a run, take part in it, and see how far it is.

- ``command``: the group of commands
- ``run``: a whole run on this machine, which is `assay up --preset training`
- ``corpus``: cut texts into tokens
- ``join``: take part in a run
- ``watching``: what the commands that look at a run share
- ``status``: where a run is, and what became of its peers
- ``eval``, ``curve``: how good its model is, and the curve of that
- ``pull``: the model as a folder, which is `assay model pull`
- ``new``, ``terms``: make a run's folder, and what it may be made with
"""
