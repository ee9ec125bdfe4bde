"""The one error of a message that is not one.

Whatever is wrong with the bytes that a trainer sent (too long, too short, counts beyond what the
run allows, values that are not finite, trailing bytes), the caller catches this alone.
"""

from __future__ import annotations


class DeltaRefused(ValueError):
    """A message that no trainer of this run can have made; its text is one sentence of why."""
