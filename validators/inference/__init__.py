"""The validator's half of inference: ask for text, replay it, judge it.

``task`` is the half itself, ``settings`` its options, ``requests`` what is asked, ``answers`` how
an answer is judged and ``replays`` by which models, ``speeds`` how fast each miner is, ``bursts``
the turns in which that is measured, ``client_calls`` the judgement of an answer to a client,
``client_desk`` where those are taken in and ``call_line`` where they wait, ``chain_history`` what a
miner had committed when it answered, ``probation`` who is not paid yet. ``canaries`` asks as a
client does, ``canary_requests`` says what, and ``gateway_client`` is how. Importing this package
imports no torch; starting the task does.
"""

from assay.validators.inference.task import InferenceValidator

__all__ = ["InferenceValidator"]
