"""Which part of an object is asked of which holder, and what a holder's answer means. Pure.

In come the holders, what is missing, and the outcome of each ask, always with the time; out comes
the next ask. It opens no socket or file, reads no clock, and never sees a byte of an object:
``fetch`` carries asks out and reports their outcomes. The rules:

- The head first, of every holder. Then pages in order, and of each page its missing chunks.
- A holder is asked for one chunk first, and for twice as many each time it answers quickly: a
  holder that lies from the start costs one chunk.
- A holder that sent a wrong part is banned: it is asked for nothing more, and what it should have
  sent is asked of the others.
- A holder that fails is asked again after a pause, and dropped after several failures in a row. A
  holder that says it is busy is asked again when it said.
- A transfer to which too little comes within minutes is too slow to go on: others wait for its
  place.
- When nothing is left to ask for and an ask is late, it goes to an idle holder as well.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

from assay.objects.limits import CHUNK_BYTES, PAGE_CHUNKS, RANGE_CHUNKS_MAX, ObjectLimits
from assay.objects.tree import Shape, runs

_PAGES_AHEAD = 2
"""Pages whose chunks are being asked for, at most: the next page's hashes are there in time."""
_SHORTEST_S = 0.01  # of a wait: a timer that is due at once would keep the loop busy


class Part(enum.Enum):
    """What an ask is for. OPEN is asked of nobody: look at what is on the disk of a page."""

    HEAD = enum.auto()
    OPEN = enum.auto()
    PAGE = enum.auto()
    CHUNKS = enum.auto()


@dataclass(eq=False, slots=True)
class FetchAsk:
    """One thing to do. ``first`` is a page's number, or the number of the first chunk."""

    part: Part
    holder: str
    first: int
    count: int
    asked_s: float

    @property
    def page(self) -> int:
        return self.first // PAGE_CHUNKS if self.part is Part.CHUNKS else self.first

    @property
    def mask(self) -> int:
        """The chunks asked for, as bits of their page."""
        return ((1 << self.count) - 1) << self.first % PAGE_CHUNKS


@dataclass(eq=False, slots=True)
class _Holder:
    """What is known of one holder. ``gone``: why it is asked for nothing more."""

    name: str
    chunks: int = 1
    asks: int = 0
    failures: int = 0
    resume_s: float = float("-inf")
    gone: str | None = None
    head_asked: bool = False
    lacks: dict[int, int] = field(default_factory=dict)
    lacks_pages: set[int] = field(default_factory=set)


@dataclass(eq=False, slots=True)
class _Page:
    """A page that is being worked on. ``known``: its hashes are here."""

    known: bool
    missing: int


class FetchSchedule:
    """The state of one transfer."""

    def __init__(self, limits: ObjectLimits, draw: Callable[[], float], now_s: float) -> None:
        """``draw`` returns a random number from 0 to 1, for the jitter of pauses."""
        self._limits = limits
        self._draw = draw
        self._holders: dict[str, _Holder] = {}
        self._asks: list[FetchAsk] = []
        self._in_flight_bytes = 0
        self._shape: Shape | None = None
        self._next_page = 0
        self._open: dict[int, _Page] = {}
        self._accepted_s = now_s
        self._pace_s = now_s
        self._paced_chunks = 0

    # -- what is asked by the driver

    @property
    def shape(self) -> Shape | None:
        """The object's shape; None while no head is known."""
        return self._shape

    @property
    def finished(self) -> bool:
        """Whether every page was opened and every chunk is here."""
        return (
            self._shape is not None
            and self._next_page == self._shape.pages
            and not self._open
            and not self._is_opening
        )

    @property
    def alive(self) -> list[str]:
        """The holders that may still be asked."""
        return [holder.name for holder in self._holders.values() if holder.gone is None]

    @property
    def reasons(self) -> dict[str, str]:
        """Why each holder that is gone is gone."""
        return {h.name: h.gone for h in self._holders.values() if h.gone is not None}

    def is_quiet(self, now_s: float) -> bool:
        """Whether nothing was accepted for too long."""
        return now_s - self._accepted_s > self._limits.quiet_s_max

    def is_slow(self, now_s: float) -> bool:
        """Whether less than ``pace_bytes_min`` has come in the last ``pace_s``. Looks once in that
        time, and is False in between."""
        if now_s - self._pace_s < self._limits.pace_s:
            return False
        came_bytes = self._paced_chunks * CHUNK_BYTES
        self._pace_s, self._paced_chunks = now_s, 0
        return came_bytes < self._limits.pace_bytes_min

    def next(self, now_s: float) -> FetchAsk | None:
        """The next thing to do now, if there is one; it counts as begun."""
        ask = self._open_next(now_s)
        if ask is None:
            ready = [
                holder
                for holder in self._holders.values()
                if holder.gone is None
                and holder.resume_s <= now_s
                and holder.asks < self._limits.per_holder_max
            ]
            for holder in sorted(ready, key=lambda holder: holder.asks):
                ask = self._for(holder, now_s)
                if ask is not None:
                    holder.asks += 1
                    break
        if ask is not None:
            self._asks.append(ask)
            self._in_flight_bytes += _ask_bytes(ask)
        return ask

    def wake_s(self, now_s: float) -> float:
        """How long at most until ``next`` may have something although no ask has ended."""
        times = [self._accepted_s + self._limits.quiet_s_max, self._pace_s + self._limits.pace_s]
        times += [h.resume_s for h in self._holders.values() if h.gone is None]
        times += [ask.asked_s + self._limits.late_s for ask in self._asks]
        return max(_SHORTEST_S, min((t for t in times if t > now_s), default=now_s) - now_s)

    def is_stuck(self, now_s: float) -> bool:
        """Whether nothing is on its way and no pause will end: what is missing nobody has."""
        return not self._asks and not any(
            holder.gone is None and holder.resume_s > now_s for holder in self._holders.values()
        )

    # -- what the driver tells

    def start(self, now_s: float) -> None:
        """The transfer begins now. It may have waited for its turn: that is no holder's fault."""
        self._accepted_s = self._pace_s = now_s

    def join(self, holder: str) -> bool:
        """Ask this holder too; False if it is known already, or if there are enough."""
        if holder in self._holders or len(self._holders) >= self._limits.holders_max:
            return False
        self._holders[holder] = _Holder(holder)
        return True

    def begin(self, shape: Shape) -> None:
        """The object's head is known, and this is its ``shape``."""
        self._shape = shape

    def took_head(self, ask: FetchAsk, now_s: float) -> None:
        """The holder sent the head."""
        self._answered(ask, now_s)

    def opened(self, ask: FetchAsk, missing: int | None, now_s: float) -> None:
        """A page was looked at: its ``missing`` chunks as a mask, or None if its hashes are too."""
        self._end(ask)
        self._accepted_s = now_s
        assert self._shape is not None
        page = ask.first
        if missing is not None:
            # Looking at gigabytes on a slow disk is no holder's fault.
            self._paced_chunks += (self._shape.page_mask(page) & ~missing).bit_count()
        if missing is None:
            self._open[page] = _Page(known=False, missing=self._shape.page_mask(page))
        elif missing:
            self._open[page] = _Page(known=True, missing=missing)

    def took_page(self, ask: FetchAsk, missing: int, now_s: float) -> None:
        """The page's hashes came and are right."""
        self._answered(ask, now_s)
        found = self._open.get(ask.first)
        if found is None or found.known:
            return
        found.known, found.missing = True, missing
        if not missing:
            del self._open[ask.first]

    def took_chunks(self, ask: FetchAsk, right: int, wrong: int, now_s: float) -> None:
        """Chunks came, as masks whose lowest bit is the ask's first chunk.

        ``right`` are kept; ``wrong`` did not match; what is in neither was not sent.
        """
        offset = ask.first % PAGE_CHUNKS
        if right:
            self._answered(ask, now_s, grow=right == (1 << ask.count) - 1)
        else:
            self._end(ask)
        page = self._open.get(ask.page)
        if page is not None:
            self._paced_chunks += (page.missing & (right << offset)).bit_count()
            page.missing &= ~(right << offset)
            if not page.missing:
                del self._open[ask.page]
        lacking = ((1 << ask.count) - 1) & ~right & ~wrong
        if lacking:
            self._lacks(ask, lacking << offset)
        if wrong:
            first, _ = next(runs(wrong))
            self._ban(ask.holder, f"sent a wrong chunk (number {ask.first + first})")

    def lacked_page(self, ask: FetchAsk) -> None:
        """The holder does not have the page's hashes."""
        self._end(ask)
        self._holders[ask.holder].lacks_pages.add(ask.first)

    def lost_page(self, ask: FetchAsk) -> None:
        """The page's hashes were here and no longer match: ask for the hashes again."""
        self._end(ask)
        if ask.page in self._open:
            self._open[ask.page].known = False

    def reject(self, ask: FetchAsk, why: str) -> None:
        """The answer is of no use, nor would another of this holder's be: ask it nothing more."""
        self._end(ask)
        self._ban(ask.holder, why)

    def busy(self, ask: FetchAsk, retry_after_s: float, now_s: float) -> None:
        """The holder asked to be left alone for a while."""
        self._end(ask)
        pause_s = min(retry_after_s, self._limits.busy_s_max)
        self._pause(self._holders[ask.holder], pause_s, now_s)

    def failed(self, ask: FetchAsk, why: str, now_s: float) -> None:
        """The holder did not answer, or not within the deadline."""
        self._end(ask)
        holder = self._holders[ask.holder]
        if ask.asked_s < holder.resume_s:  # one of several calls that broke at the same moment
            return
        holder.chunks = 1
        holder.failures += 1
        if holder.failures >= self._limits.failures_max:
            self._ban(ask.holder, why)
            return
        pause_s = self._limits.retry_s * 2.0 ** (holder.failures - 1)
        self._pause(holder, pause_s, now_s)

    # -- inside

    def _ban(self, holder: str, why: str) -> None:
        """Ask ``holder`` for nothing more. Its first reason stays."""
        found = self._holders[holder]
        if found.gone is None:
            found.gone = why

    def _for(self, holder: _Holder, now_s: float) -> FetchAsk | None:
        if self._shape is None:
            if holder.head_asked:
                return None
            holder.head_asked = True
            return FetchAsk(Part.HEAD, holder.name, 0, 1, now_s)
        for number, page in sorted(self._open.items()):
            if not page.known and self._may_ask_hashes(number, holder, now_s):
                return FetchAsk(Part.PAGE, holder.name, number, 1, now_s)
        room = (self._limits.in_flight_bytes_max - self._in_flight_bytes) // CHUNK_BYTES
        most = min(holder.chunks, RANGE_CHUNKS_MAX, room)
        if most <= 0 or (holder.chunks == 1 and holder.asks):  # unproven: one call at a time
            return None
        for number, page in sorted(self._open.items()):
            if page.known:
                free = page.missing & ~self._asked(number) & ~holder.lacks.get(number, 0)
                if free:
                    return _chunks(holder, number, free, most, now_s)
        return self._late(holder, most, now_s)

    def _may_ask_hashes(self, number: int, holder: _Holder, now_s: float) -> bool:
        asks = [ask for ask in self._asks if ask.part is Part.PAGE and ask.first == number]
        if number in holder.lacks_pages or len(asks) > 1:
            return False
        return not asks or (self._is_late(asks[0], now_s) and asks[0].holder != holder.name)

    def _late(self, holder: _Holder, most: int, now_s: float) -> FetchAsk | None:
        """A second ask for the chunks that have been on their way from another holder longest."""
        for ask in self._asks:
            page = self._open.get(ask.page)
            if ask.part is not Part.CHUNKS or page is None or not self._is_late(ask, now_s):
                continue
            twice = self._asked(ask.page, besides=ask)
            wanted = ask.mask & page.missing & ~twice & ~holder.lacks.get(ask.page, 0)
            if wanted and ask.holder != holder.name:
                return _chunks(holder, ask.page, wanted, most, now_s)
        return None

    def _is_late(self, ask: FetchAsk, now_s: float) -> bool:
        return ask.asked_s + self._limits.late_s <= now_s

    def _asked(self, page: int, besides: FetchAsk | None = None) -> int:
        """The chunks of a page that are on their way, as a mask."""
        mask = 0
        for ask in self._asks:
            if ask.part is Part.CHUNKS and ask.page == page and ask is not besides:
                mask |= ask.mask
        return mask

    def _open_next(self, now_s: float) -> FetchAsk | None:
        if self._shape is None or self._next_page == self._shape.pages:
            return None
        if self._is_opening or len(self._open) >= _PAGES_AHEAD:
            return None
        self._next_page += 1
        return FetchAsk(Part.OPEN, "", self._next_page - 1, 1, now_s)

    @property
    def _is_opening(self) -> bool:
        return any(ask.part is Part.OPEN for ask in self._asks)

    def _end(self, ask: FetchAsk) -> None:
        self._asks.remove(ask)
        self._in_flight_bytes -= _ask_bytes(ask)
        if ask.holder:
            self._holders[ask.holder].asks -= 1

    def _answered(self, ask: FetchAsk, now_s: float, *, grow: bool = False) -> None:
        self._end(ask)
        self._accepted_s = now_s
        holder = self._holders[ask.holder]
        holder.failures = 0
        took_s = now_s - ask.asked_s
        if took_s > self._limits.slow_s:
            holder.chunks = max(1, holder.chunks // 2)
        elif grow and took_s < self._limits.quick_s:
            holder.chunks = min(RANGE_CHUNKS_MAX, max(holder.chunks, 2 * ask.count))

    def _lacks(self, ask: FetchAsk, mask: int) -> None:
        lacks = self._holders[ask.holder].lacks
        lacks[ask.page] = lacks.get(ask.page, 0) | mask

    def _pause(self, holder: _Holder, pause_s: float, now_s: float) -> None:
        jitter = 1.0 + self._draw() / 2.0
        holder.resume_s = max(holder.resume_s, now_s + pause_s * jitter)


def _chunks(holder: _Holder, page: int, mask: int, most: int, now_s: float) -> FetchAsk:
    """An ask for the first run of chunks in ``mask``."""
    first, length = next(runs(mask))
    start = page * PAGE_CHUNKS + first
    return FetchAsk(Part.CHUNKS, holder.name, start, min(length, most), now_s)


def _ask_bytes(ask: FetchAsk) -> int:
    return ask.count * CHUNK_BYTES if ask.part is not Part.OPEN else 0
