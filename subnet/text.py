"""Text of strangers, made fit for a log or a terminal. Standard library only.

A peer, a node or a file may hold characters that move a terminal's cursor, recolour it or turn the
direction of what follows. Text comes in, and text that only shows goes out.
"""

from __future__ import annotations


def printable(text: str, *, keep: str = "") -> str:
    """``text`` with a question mark for each character that does not show: line breaks, codes for a
    terminal, marks of direction. Characters in ``keep`` stay, such as line breaks where the text
    may have several lines."""
    return "".join(char if char.isprintable() or char in keep else "?" for char in text)
