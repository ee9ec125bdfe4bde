"""`assay up`: one command from an empty folder to rewards paid.

``plan`` says who takes part, ``children`` runs processes, ``bootstrap`` does what a subnet's owner
and its neurons do on chain, ``watch`` reads what came of it, ``table`` and ``report`` show it, and
``command`` is the order in which all that happens.
"""
