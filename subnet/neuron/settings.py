"""A task's own options: the record that a subnet builder writes.

A task names its settings class, a ``TaskSettings``; each field of that class becomes an option of
every command that runs the task, with the field's type, default and description. An instance is
handed to the task when it starts (``TaskContext.settings``). This module does not know how a
command line is read.
"""

from __future__ import annotations

import msgspec


class TaskSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task's own options. Each field becomes an option of ``assay miner|validator run``.

    A field ``size: Annotated[int, Meta(ge=1, description="How many")] = 4`` (with ``msgspec.Meta``)
    is given as ``--size 8`` on the command line. A field has one of the types int, float, str,
    bool, Path, Literal or Enum, one of these or None, or a list or tuple of one of these. A rule
    between fields stands in ``__post_init__``, which raises ValueError with a sentence.
    """
