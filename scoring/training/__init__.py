"""What a trainer sends of a window's work, and what all trainers' messages become together.

``shapes`` says which tensors a model has, ``policy`` how much of a change is sent. ``codec`` turns
a change into a message and back: ``selection`` chooses the values, ``past`` says what both sides
expect from earlier windows, ``rans`` writes what is left to say; ``chunked`` is the published
format beside it. ``refusal`` is the one error of a message that is not one. ``aggregate`` makes one
change of all messages, the same to the bit for everybody. ``overlap`` finds messages that are
copies, and ``windows`` says how long a window waits and what a late message is worth. ``ranks``
rates trainers by what their messages do for the model, and ``payment`` says what a window is worth.
"""
