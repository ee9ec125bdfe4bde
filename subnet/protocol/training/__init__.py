"""Training: how strangers train one model together, in windows counted in blocks.

``schedule`` says which block lies in which phase of which window; ``manifest`` describes a run once
and for all; ``records`` are what peers and validators put on chain for a window; ``seal`` is what a
peer binds itself to before the deadline; ``one_form`` is how both documents become bytes;
``closing`` says which peers' work a window counts; ``peer`` is what a peer may do next; ``asking``
is what neurons ask each other beside objects, and ``judging`` what validators say of judgements.

All of it is pure: no clock, no socket, no tensor.
"""
