"""What an answer of a language model is worth.

``sampling`` draws tokens so that anybody can draw them again, ``agreement`` says whether an answer
comes from the model it claims, ``speed`` what an answer earns at an announced rate, ``probation``
for how long a convicted miner earns nothing, and ``posp`` whether that is long enough.
``fingerprint`` tells another precision by the hidden states behind an answer, and ``precision``
names those that may be declared, with what each tolerates.
"""
