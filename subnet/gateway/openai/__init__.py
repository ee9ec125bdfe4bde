"""OpenAI's interface as a gateway speaks it: bytes in, typed requests out; answers in, bytes out.

``parsing`` turns a body into a ``ClientRequest`` by the structs of ``schemas`` and the rules of
``meaning``; ``replies`` renders answers, whole and in pieces; ``errors`` are the refusals, in
OpenAI's shape. Nothing here knows sockets, miners or the wire.
"""
