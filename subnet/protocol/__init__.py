"""The messages and constants of each task (``inference``), shared by its two halves.

``client_receipts`` is what was signed for an answer that a client got, ``one_reply`` says whether
its calls belong together, and ``handing_on`` is what of it validators are shown. ``shared_prompts``
is what clients ask, as far as they share it. ``bursts`` are several answers at once, and
``gateway_headers`` the words that a gateway adds to OpenAI's. ``training`` is a package of its own.
"""
