"""The gateway: OpenAI's interface for clients on one side, the signed wire to miners on the other.

From a client to a miner: ``http`` bounds what a stranger may hold, ``server`` says what stands at
which address, ``keys`` who may ask and ``quotas`` how much, ``openai`` reads requests and writes
replies. ``turns`` lets keys take turns at the tokenizer of ``model``. ``answers`` makes a reply of
what ``router`` finds: it chooses among ``candidates`` by ``health``, lets requests wait in
``waiting``, runs ``calls``, and ``text`` spells their tokens with the tokenizer of ``model``.
``receipts`` keeps what was signed for a client, and ``handing_on`` shows validators what they draw
of it; ``complaints`` shows them what a client holds for wrong. ``shared_prompts`` keeps what
clients agreed to share, for canaries. ``run`` puts all of it together.
"""
