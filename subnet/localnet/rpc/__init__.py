"""JSON-RPC 2.0 over WebSocket and HTTP, as Substrate's clients speak it.

``server`` holds the sockets; ``envelope``, ``params`` and ``dispatch`` turn bytes into calls and
back; ``subscriptions`` tells clients what happens; ``methods`` has one file for each prefix.
"""
