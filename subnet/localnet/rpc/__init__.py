"""JSON-RPC 2.0 over WebSocket and HTTP, as Substrate's clients speak it.

The way of a call: ``server`` holds the sockets, ``protocol`` and ``connections`` decide who may use
one, ``websocket`` and ``http_post`` read ``frames`` from it. ``answers`` takes each call of a frame
in its turn: ``envelope`` finds the calls, ``registry`` and ``params`` what is called with what,
``dispatch`` calls it, ``methods`` has one file for each prefix, ``node`` is what a method sees, and
``encoding`` and ``errors`` are what a client gets to see.

Who pays: ``prices`` estimates a call, ``call_budget`` counts what each client spent, ``fair_queue``
orders their calls, ``reply_room`` bounds a long reply, ``limits`` has the numbers.
``subscriptions`` tells clients what happens without being asked again.
"""
