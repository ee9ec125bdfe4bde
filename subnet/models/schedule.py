"""Which rows a step computes: whose next token is drawn, and which pieces of prompts are read.

In come the answers under way in the order of their turns, those of callers who go first apart from
the others', and the numbers of rows that a pass may have; out comes how many tokens of each answer
are computed now.

Every answer of the kind that is worked on draws a token in every step, and a bounded piece of the
prompts is read beside: so a long prompt delays nobody by more than that piece, however long it is.
While callers who go first have answers under way, the others' get no more than the rows that would
be idle, or very few, and of these only such as attend to no more keys than the longest answer in
front of them: they ride along, and cost those who go first no pass and hardly a longer one. What is
drawn for them is bounded too, because each option of a request makes drawing its tokens take
longer.

A pure function of its arguments. It knows no tokens, tensors or callers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

PROMPT_TOKENS: Final = 48
"""Tokens of prompts that a step reads at least, if any are to be read and an answer draws. With 16
answers under way that fills a pass of 64 rows, which takes about twice as long as one of 16, and a
prompt of 200 tokens is read within five steps."""

RIDING_EFFORT: Final = 16
"""How much is drawn in a step for answers that ride along, in draws without options: as much as for
a full pass of those who go first. With more, a few riders with every option would make the others'
steps longer by half."""

RIDING_ROWS: Final = 4
"""Rows that answers which ride along get at least, where the pass has room for them: with none of
them, one long answer after the other of those who go first would let nobody else through. With the
demo model a pass of four rows takes a quarter longer than one of one row; with sixteen it would
take more than twice as long."""

Job = TypeVar("Job")


@dataclass(frozen=True, slots=True)
class Open(Generic[Job]):
    """An answer under way: ``done`` tokens are in its cache, and ``left`` (at least one) must be
    computed before its next token can be drawn."""

    job: Job
    done: int
    left: int
    effort: int = 1
    """How long drawing one token takes, in draws without options: ``RIDING_EFFORT`` at most."""


def share_rows(
    firsts: Sequence[Open[Job]], others: Sequence[Open[Job]], counts: Sequence[int]
) -> list[tuple[Job, int]]:
    """Return how many tokens of which answers a step computes.

    ``counts`` are the numbers of rows that a pass may have, ascending. Answers that get no token
    are left out.
    """
    shared = _shared(firsts or others, counts)
    if firsts and others:
        used = sum(count for _, count in shared)
        ends = {open_.job: open_.done for open_ in firsts}
        longest = max(ends[job] + count for job, count in shared)
        riding = [open_ for open_ in others if open_.done < longest]
        idle = max(_filled(used, counts), min(used + RIDING_ROWS, _whole(used, counts))) - used
        shared += _riding(riding, idle, longest)
    return shared


def _shared(answers: Sequence[Open[Job]], counts: Sequence[int]) -> list[tuple[Job, int]]:
    """A row for each answer that draws, and the rest of the pass for prompts, in their turn."""
    shared = [(open_.job, 1) for open_ in answers if open_.left == 1]
    reading = [open_ for open_ in answers if open_.left > 1]
    # Where nobody draws, nobody is delayed.
    least = len(shared) + PROMPT_TOKENS if shared else counts[-1]
    room = _filled(least, counts) - len(shared)
    for open_ in reading:
        if room:
            shared.append((open_.job, min(open_.left, room)))
            room -= shared[-1][1]
    return shared


def _riding(answers: Sequence[Open[Job]], room: int, longest: int) -> list[tuple[Job, int]]:
    """As ``_shared``, in ``room`` rows that end at ``longest`` tokens or before."""
    riding: list[tuple[Job, int]] = []
    effort = RIDING_EFFORT
    for open_ in sorted(answers, key=lambda open_: open_.left > 1):
        count = min(open_.left, room, longest - open_.done)
        drawing = open_.effort if count == open_.left else 0
        if count and drawing <= effort:
            riding.append((open_.job, count))
            room -= count
            effort -= drawing
    return riding


def _whole(rows: int, counts: Sequence[int]) -> int:
    """The rows, with idle ones, of as many of the largest passes as compute ``rows``."""
    return -(-rows // counts[-1]) * counts[-1]


def _filled(rows: int, counts: Sequence[int]) -> int:
    """The rows, with idle ones, of the passes that compute ``rows``."""
    whole, rest = divmod(rows, counts[-1])
    return whole * counts[-1] + (next(count for count in counts if count >= rest) if rest else 0)
