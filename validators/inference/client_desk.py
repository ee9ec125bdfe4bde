"""Where an inference validator takes answers that miners gave to clients, and has them judged.

In come offers and calls of gateways, and complaints; out come convictions, for the next turn. What
is cheap is checked first: who sends, how much, the signatures, the age, the model, and what the
miner had committed when it was asked. Then each call is replayed beside the turns, one at a time,
with pauses, so that no sender can keep a validator from its turns.

Only what a miner has signed convicts it. A right answer earns nothing here: a miner with a gateway
of its own could make as many as it likes. Who complains of a right answer is not heard for a while.

What a gateway or a complainer says beside the signed bytes is not looked at. This module knows no
pay and no probation.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from loguru import logger

from assay.chain.interface import Moment
from assay.clock import Clock
from assay.files import read_limited, write_atomic
from assay.neuron import Answer, Caller, Origin, RequestRefused, Target
from assay.protocol.client_receipts import CallInvalid, ReadCall, SignedCall, read_call
from assay.protocol.handing_on import (
    REASON_CHARS_MAX,
    SHOWN_BYTES_MAX,
    CallTaken,
    DrawnIn,
    Judgement,
    Offer,
    ShownCall,
    Wanted,
    digest,
    is_drawn,
    size,
)
from assay.protocol.inference import STREAM, ModelCommitment
from assay.types import Ss58
from assay.validators.inference.answers import Finding
from assay.validators.inference.call_line import CallLine
from assay.validators.inference.chain_history import ChainHistory

AGE_S_MAX: Final = 3_600.0
"""How old an answer may be: three quarters of a public epoch. A gateway hands answers on within
seconds, and a client that complains has read its answer. With more, commitments would have to be
remembered for longer."""
SKEW_S: Final = 5.0
"""How far ahead a gateway's clock may be: twice what a miner's axon takes."""
QUEUE_MAX: Final = 32
"""Calls that wait for the judge, and their bytes at most 64 MiB. Who sends them take turns
(``call_line``)."""
OWN: Final = "own"
"""The sender of what this validator has asked itself; all others are hotkeys."""
PAUSE_FACTOR: Final = 3.0
"""After each replay the desk rests for so many times what the replay took: clients' answers take a
quarter of the time of one core at most, however many are sent."""
COMPLAINTS_A_MINUTE: Final = 6
"""Of one hotkey. A client that is lied to in each answer is heard by the first."""
REST_S: Final = (600.0, 86_400.0)
"""How long a hotkey is not heard after a complaint of a right answer: the first time, doubled each
time, and at most. A hotkey costs a registration; with less, a flood of complaints would cost
nothing but signatures."""
SEEN_MAX: Final = 8_192
WANTED_MAX: Final = 64
"""Calls that one gateway was asked to show: twice what could wait. Of another gateway's nothing is
forgotten for them."""
CALLERS_MAX: Final = 4_096
"""Entries that are remembered; the oldest go first."""
CROWDED: Final = "too many calls wait for the judge"
FILE: Final = "convictions.json"
_FILE_BYTES_MAX: Final = CALLERS_MAX * 96

Judges = Callable[[ReadCall, ModelCommitment | None, bool], Finding]


class _Stored(msgspec.Struct, forbid_unknown_fields=True):
    until_ns: dict[str, Annotated[int, msgspec.Meta(ge=0)]]


@dataclass(slots=True)
class _Waiting:
    """A call that the judge will look at."""

    call: ReadCall
    named: bytes
    """Its digest."""
    evidence: bytes
    target: Target
    found: asyncio.Future[Finding | None] = field(default_factory=asyncio.Future)
    """None: it had to leave before it was looked at."""


@dataclass(slots=True)
class _Complainer:
    times_s: deque[float] = field(default_factory=lambda: deque(maxlen=COMPLAINTS_A_MINUTE))
    rests_until_s: float = 0.0
    wrong: int = 0


class ClientDesk:
    """Takes, checks and judges what miners have signed to clients."""

    def __init__(
        self,
        judges: Judges,
        root: bytes,
        *,
        share: float,
        now: Callable[[], Moment],
        clock: Clock,
        path: Path,
    ) -> None:
        """``judges`` finds out about one call of a model with this ``root``, and takes its time;
        ``share`` of the offered calls is drawn, ``now()`` is the subnet as the chain shows it, and
        ``path`` is the file that remembers convictions."""
        self._judges = judges
        self._root = root
        self._share = share
        self._now = now
        self._clock = clock
        self._path = path
        self.history = ChainHistory()
        self._key: bytes | None = None
        self._drawn_in: DrawnIn | None = None
        self._wanted: OrderedDict[Ss58, OrderedDict[bytes, None]] = OrderedDict()
        """By gateway, the digests of what it was asked to show."""
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        """Digests of what was judged. Not the requests: a miner may sign several replies to one,
        and would else have a right one judged before the wrong one is shown."""
        self._complainers: OrderedDict[Ss58, _Complainer] = OrderedDict()
        self._queue: CallLine[_Waiting] = CallLine(QUEUE_MAX)
        self._arrived = asyncio.Event()
        self._judged: list[tuple[Answer[Any, Any], Finding]] = []
        self._findings: dict[bytes, Finding] = {}
        self._until_ns = self._load()
        """By hotkey: answers up to then convict no more; they were paid for by a conviction."""

    # -- what is served

    async def offer(self, offer: Offer, caller: Caller) -> Wanted:
        """Answer which of the offered calls are drawn, as far as there is room for them."""
        room = self._queue.room(caller.address)
        wanted = self._wanted.get(caller.address, OrderedDict())
        places: list[int] = []
        for place, named in enumerate(offer.calls):
            if self._key is None or len(places) >= room:
                break
            if is_drawn(self._key, named, self._share):
                places.append(place)
                _remember(wanted, named, None, WANTED_MAX)
        _remember(self._wanted, caller.address, wanted, CALLERS_MAX)
        return Wanted(places=places, drawn_in=self._drawn_in)

    async def show(self, shown: ShownCall, caller: Caller) -> CallTaken:
        """Take a call that was drawn from an offer of the same gateway."""
        named = digest(shown.call)
        wanted = self._wanted.get(caller.address)
        if wanted is None or named not in wanted:
            raise _refused("this call was not asked for")
        del wanted[named]
        self._enqueue(shown.call, caller.address)
        return CallTaken()

    def take_own(self, call: SignedCall) -> None:
        """Take a call that this validator has asked for itself, through a gateway; RequestRefused
        for one that cannot be judged."""
        self._enqueue(call, OWN)

    async def complain(self, shown: ShownCall, caller: Caller) -> Judgement:
        """Judge the call of a complaint; the caller waits for what is found."""
        complainer = self._heard(caller.address)
        waiting = self._enqueue(shown.call, caller.address)
        finding = await asyncio.shield(waiting.found)
        if finding is None:
            raise _refused(CROWDED)
        if finding.verified:
            rest_s = min(REST_S[0] * 2.0**complainer.wrong, REST_S[1])
            complainer.rests_until_s = self._clock.monotonic() + rest_s
            complainer.wrong += 1
        is_clear = finding.verified or finding.convicted
        return Judgement(
            right=finding.verified if is_clear else None,
            reasons=[reason[:REASON_CHARS_MAX] for reason in finding.reasons[:8]],
        )

    def _heard(self, caller: Ss58) -> _Complainer:
        """The one who complains; RequestRefused if it has complained wrongly, or too often."""
        now_s = self._clock.monotonic()
        complainer = self._complainers.get(caller) or _Complainer()
        _remember(self._complainers, caller, complainer, CALLERS_MAX)
        if now_s < complainer.rests_until_s:
            raise _refused("an earlier complaint of this hotkey was of a right answer")
        times = complainer.times_s
        if len(times) == COMPLAINTS_A_MINUTE and now_s - times[0] < 60.0:
            raise _refused(f"more than {COMPLAINTS_A_MINUTE} complaints in a minute")
        times.append(now_s)
        return complainer

    def _checked(self, call: SignedCall, sender: str) -> tuple[ReadCall, Target]:
        """The call that ``sender`` shows and its miner, as of when it was asked; RequestRefused for
        what cannot count."""
        if size(call) > SHOWN_BYTES_MAX:
            raise _refused("the call is too large")
        if not self._queue.room(sender):
            raise _refused(CROWDED)
        try:
            read = read_call(call)
        except CallInvalid as error:
            raise _refused(f"the call shows nothing: {error}") from None
        now_ns = self._clock.now_ns()
        if not -SKEW_S * 1e9 <= now_ns - read.signed_at_ns <= AGE_S_MAX * 1e9:
            raise _refused("the call is too old, or of the future")
        if read.request.model != self._root:
            raise _refused("the call is of another model")
        if digest(call) in self._seen:
            raise _refused("the call was judged already")
        if read.signed_at_ns <= self._until_ns.get(read.miner, 0):
            raise _refused("the miner was convicted since then")
        now = self._now()
        neuron = now.metagraph.by_hotkey(read.miner)
        if neuron is None or now.metagraph.by_hotkey(read.gateway) is None:
            raise _refused("the miner or the gateway is not registered")
        committed = self.history.at(read.miner, read.signed_at_ns)
        if committed is None:
            raise _refused("what the miner had committed then is not known here")
        return read, Target(neuron.uid, read.miner, committed)

    def _enqueue(self, call: SignedCall, sender: str) -> _Waiting:
        """Let the call that ``sender`` shows wait for the judge; RequestRefused for what cannot
        count."""
        read, target = self._checked(call, sender)
        waiting = _Waiting(read, digest(call), call.evidence, target)
        left = self._queue.add(sender, waiting)
        _remember(self._seen, waiting.named, None, SEEN_MAX)
        if left is not None:
            self._seen.pop(left.named, None)
            left.found.set_result(None)
        self._arrived.set()
        return waiting

    # -- judging

    async def judge_all(self) -> None:
        """Judge what comes, one call after the other, until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._queue:
                began_s = self._clock.monotonic()
                await self._judge(self._queue.next())
                await self._clock.sleep(PAUSE_FACTOR * (self._clock.monotonic() - began_s))

    async def _judge(self, waiting: _Waiting) -> None:
        commitment = ModelCommitment.parse(waiting.target.commitment)
        try:
            call = waiting.call
            owed = self.history.had_permit(call.gateway, call.signed_at_ns)
            finding = await asyncio.to_thread(self._judges, call, commitment, owed)
        except Exception as error:  # a stranger's bytes must not end the judging of all others
            logger.error("A client's answer could not be judged: {}", type(error).__name__)
            finding = Finding(False, False, ("the judge failed",))
        if not waiting.found.done():
            waiting.found.set_result(finding)
        if finding.convicted:
            logger.info("uid {} is convicted by a client's answer", waiting.target.uid)
        if finding.verified or finding.convicted:
            self._findings[waiting.evidence] = finding
            self._judged.append((_answer(waiting), finding))
            while len(self._judged) > QUEUE_MAX:  # where nobody takes turns
                old, _ = self._judged.pop(0)
                self._findings.pop(old.evidence or b"", None)

    # -- the turns

    def begin_turn(self, key: bytes, drawn_in: DrawnIn) -> None:
        """From now on calls are drawn by ``key``, which only this validator knows, and which
        follows from the turn ``drawn_in``."""
        self._key, self._drawn_in = key, drawn_in

    def take(self) -> Sequence[Answer[Any, Any]]:
        """What was judged since the last call, for the next turn."""
        taken, self._judged = [answer for answer, _ in self._judged], []
        return taken

    def finding(self, answer: Answer[Any, Any]) -> Finding | None:
        """What was found about ``answer``, once; None for one that was not judged here."""
        return self._findings.pop(answer.evidence or b"", None)

    def convicted(self, hotkeys: Sequence[Ss58]) -> None:
        """Note that these were convicted: what they answered before convicts them no more. On disk
        when this returns."""
        if not hotkeys:
            return
        for hotkey in hotkeys:
            self._until_ns.pop(hotkey, None)
            self._until_ns[hotkey] = self._clock.now_ns()
        while len(self._until_ns) > CALLERS_MAX:
            del self._until_ns[next(iter(self._until_ns))]
        write_atomic(
            self._path,
            msgspec.json.encode(
                _Stored({str(hotkey): at for hotkey, at in self._until_ns.items()})
            ),
        )

    def _load(self) -> dict[Ss58, int]:
        stored = read_limited(self._path, _FILE_BYTES_MAX)
        if stored is None:
            return {}
        try:
            until_ns = msgspec.json.decode(stored, type=_Stored).until_ns
        except (msgspec.MsgspecError, UnicodeDecodeError):
            # Else an answer of before could convict a second time.
            logger.warning("{} is damaged: answers of before this start convict nobody", self._path)
            return {}
        return {Ss58(hotkey): at for hotkey, at in until_ns.items()}


def _answer(waiting: _Waiting) -> Answer[Any, Any]:
    """The call as a turn and the log of receipts see it."""
    call = waiting.call
    whole = call.completion is not None
    return Answer(
        waiting.target,
        call.request,
        call.pieces[-1] if whole else None,
        None if whole else "broke off",
        0.0,
        code=None if whole else "stream_cut",
        outcome="reply" if whole else "stream_cut",
        method=STREAM,
        frames=call.pieces,
        origin=Origin.ORGANIC,
        evidence=waiting.evidence,
    )


def _remember(memory: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    memory.pop(key, None)
    memory[key] = value
    while len(memory) > most:
        memory.popitem(last=False)


def _refused(why: str) -> RequestRefused:
    return RequestRefused(why)
