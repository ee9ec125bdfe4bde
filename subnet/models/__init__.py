"""Model code that miners and validators share: finding, naming, loading, generating, replaying.

``opening`` goes the whole way from a name to a model that can be relied on. ``source`` finds a
model's folder, ``layout`` lists its files, ``examination`` tries configuration and tokenizer in a
child process, ``root`` gives the fingerprint, ``tokens`` and ``parameters`` load, ``language``
computes, ``trial`` compares what is generated with what is replayed. ``calibrate`` measures how far
the ``honest_ways`` of computing lie apart, each in an ``honest_worker`` of its own, over texts of a
``corpus``, and ``calibration`` keeps the tolerances that follow. ``engine`` is what a miner serves
with. ``local_engine`` works on all open answers at once: ``prompt_reader`` cuts long prompts,
``fair_queue`` has their order, ``schedule`` shares a step's rows among them, ``slots`` those of the
cache, ``rows`` computes by ``llama_pass`` (with ``half_product``) or ``modules_pass`` and
``row_attention``, as ``sum_order`` allows, and ``answer`` draws from each ``drawing`` and tells the
text by ``spelling``.
``openai_backend`` is an engine over HTTP, and ``openai_replies`` says what its replies mean.
``quantised`` reads what a configuration says of small integers for weights, ``packed`` computes
with them, ``quantise`` writes such a folder, and ``measure`` says what that costs. ``fresh`` makes
a model with random numbers, to be trained. torch and transformers are the extra ``inference`` and
are imported by the modules that compute, never by this package itself.
"""
