"""OpenAI's interface as a gateway speaks it: bytes in, typed requests out; answers in, bytes out.

``parsing`` turns a body into a ``ClientRequest`` by the structs of ``schemas`` and the rules of
``meaning``; ``replies`` renders answers, whole and in pieces; ``tool_calls`` reads out of a text
which tools the model calls; ``errors`` are the refusals, in OpenAI's shape. Nothing here knows
sockets, miners or the wire.
"""
