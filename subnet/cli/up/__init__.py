"""`assay up`: one command from an empty folder to rewards paid.

In the order in which a run needs them:

- ``command``: the command, and from its options to a plan
- ``request``: the options, and the record of their values
- ``presets``: what one word stands for: task, options, and what is made first
- ``processes``: what each process is started with
- ``plan``: who takes part, drawn from the seed
- ``checks``: what can be known to be wrong before anything is started
- ``record``: what a state folder remembers of its run
- ``run``: the order in which everything happens, and how it ends
- ``port_owner``: whether the chain at the run's port is the run's own
- ``elsewhere``: whether a run can be on a chain that somebody else runs, and who pays there
- ``keys``: the wallets
- ``bootstrap``: what the subnet's owner and its neurons do on chain
- ``stakes``: how the validators come to hold equal stakes
- ``gateway``: the door for clients, if the task has one
- ``beside``: a small subnet of another task, once the run's own has paid
- ``watch``: what came of the run, read from the chain and from the validators
- ``earned``: what the epochs of a run have paid each hotkey
- ``no_reward``: notices that no honest miner earns anything
- ``table``, ``screen``: what a person is shown, and what a program is told

Processes are started and kept alive by ``assay.supervise``.
"""
