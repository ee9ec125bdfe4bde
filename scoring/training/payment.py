"""What a trainer's window is worth, what a conviction costs, and why honesty then pays.

A window of one trainer is paid in full, in part or not at all:

    not counted                nothing: no validator majority held its message in time
    of fewer steps             its part of the window's steps, as its seal names them
    found wrong by an audit    nothing, what it earned since weights were last set is lost, and the
                               next ``SENTENCE`` windows are unpaid
    owes                       nothing, until the unpaid windows are over and so many audits in a
                               row found it right; a newcomer owes the audits alone
    a copy                     nothing for this window
    worth less than others     a part, by its standings (``assay.scoring.training.ranks``)

Only a recomputation convicts. Statistics (copies, standings) take the pay of the windows that they
speak of, because they can err; standings do so only where nobody is audited.

Does honesty pay? A cheat saves at most all of a window's cost, which is at most its pay: C <= 1 in
the pay of an honest window. It is audited with probability q, and found with probability d: 1 where
only equal bits are right, because skipping a single step changes them. It then loses this window
and S more, so that

    q d (1 + S) > C                                                              (honest_pays)

is what "Proof of Sampling" (arXiv 2405.00295) asks for. More is wanted here: a trainer that cheats
whenever it is paid for it shall earn next to nothing, also if it works honestly to be trusted
again. It is paid for (1 - q d) / (q d) windows until it is found, and then unpaid for S windows:

    income = ((1 - qd) / qd) / (1 / qd + S)                                      (cheat_income)

in the pay of an honest trainer; with q = 0.45 and S = 72 it is 1.6 %. One that cheats in every
second window is found half as soon, and earns 4.5 %, two thirds of it by honest work. One that goes
on cheating while it owes never gets its audits, and earns nothing more. A new hotkey is no way out
as long as it costs more than ``identity_worth`` windows' pay: that is what it brings until found.

Which messages are right, and who audits, are not known here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from assay.scoring.training.ranks import paid_part

GAIN: Final = 1.0
"""C, of a cheat that computes nothing, where the cost takes all of the pay. Less is saved where a
window costs less, or where only a part of the steps is skipped."""
SENTENCE: Final = 72
"""Unpaid windows after a conviction. With 64 one that cheats in every second window, and is found
with probability 0.45 when it does, earns 5 % of an honest trainer; with 22 one that cheats in every
window does. More would make a mistake dearer and deter nobody further."""
AUDITS_OWED: Final = 4
"""Audits in a row that must find a convict right. Of 72 windows at q = 0.45 it has 32, and 18 of a
validator that audits a quarter."""
INCOME_MAX: Final = 0.05
"""What a cheat may earn at most, in the pay of an honest trainer."""
LAPSES_FORGOTTEN: Final = 96
"""Windows after which a lapse is forgotten. A cheat that goes away whenever it is audited has the
second lapse at once; an honest trainer would have to lose two long times of its life to audits
within a day of windows of a quarter of an hour."""
CAUGHT_WITHIN: Final = 5
"""Windows in which a cheat is to be found,"""
CAUGHT_SURELY: Final = 0.95
"""and with which probability at least: that asks for q d >= 0.4508."""


def joint_share(share: float, validators: int) -> float:
    """Return with which probability at least one of ``validators`` audits a trainer's window, each
    by itself with probability ``share``; what one finds, the others check and find as well."""
    return 1.0 - (1.0 - share) ** validators


@dataclass(frozen=True, slots=True)
class AuditOdds:
    """What decides whether a cheat pays."""

    audited: float
    """q: the probability that a window of a trainer is audited by anybody."""
    found: float = 1.0
    """d: the probability that an audit finds the cheat."""
    sentence: int = SENTENCE
    """S: the windows that are unpaid after that."""
    gain: float = GAIN
    """C: what a cheat saves in a window, in the pay of an honest one."""

    @property
    def caught(self) -> float:
        """The probability with which a cheat is found in a window."""
        return self.audited * self.found

    @property
    def loss(self) -> float:
        """What a cheat loses by a window on average, in the pay of an honest one."""
        return self.caught * (1.0 + self.sentence)

    @property
    def honest_pays(self) -> bool:
        """Whether a cheat loses more by a window than it gains."""
        return self.loss > self.gain

    @property
    def identity_worth(self) -> float:
        """How many windows' pay a trusted hotkey brings until it is found; infinite where nothing
        is ever found."""
        return (1.0 - self.caught) / self.caught if self.caught > 0.0 else math.inf

    @property
    def cheat_income(self) -> float:
        """What a trainer earns that cheats whenever it is paid, in the pay of an honest one."""
        if self.caught <= 0.0:
            return 1.0
        return self.identity_worth / (1.0 / self.caught + self.sentence)

    def caught_within(self, windows: int = CAUGHT_WITHIN) -> float:
        """Return the probability with which a cheat is found within so many ``windows``."""
        return 1.0 - (1.0 - self.caught) ** windows

    @property
    def is_enough(self) -> bool:
        """Whether a cheat is found soon enough, and earns little enough."""
        return (
            self.honest_pays
            and self.cheat_income <= INCOME_MAX
            and self.caught_within() >= CAUGHT_SURELY
        )


def audited_min(found: float = 1.0, within: int = CAUGHT_WITHIN) -> float:
    """Return the least q with which a cheat is found ``within`` so many windows as surely as is
    wanted; above 1 where no audits suffice."""
    return (1.0 - (1.0 - CAUGHT_SURELY) ** (1.0 / within)) / found if found > 0.0 else math.inf


# --- what a trainer owes before it is paid ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OwedWindows:
    """What a trainer owes before it is paid; nothing by default."""

    audits: int = 0
    """Audits in a row that must find it right."""
    until: int = 0
    """The first window that may be paid."""
    lapsed: int | None = None
    """The window of the last lapse."""

    def settled(self, window: int) -> bool:
        """Return whether ``window`` is paid."""
        return self.audits == 0 and window >= self.until


def newcomer(audits: int) -> OwedWindows:
    """Return what a hotkey owes that was never audited."""
    return OwedWindows(audits=audits)


def after_right(owed: OwedWindows) -> OwedWindows:
    """Return what is owed after one more audit that found the trainer right."""
    return OwedWindows(max(owed.audits - 1, 0), owed.until, owed.lapsed)


def after_conviction(owed: OwedWindows, window: int, *, sentence: int = SENTENCE) -> OwedWindows:
    """Return what is owed by a trainer whose ``window`` was found wrong, of ``owed`` before."""
    return OwedWindows(AUDITS_OWED, max(window + 1 + sentence, owed.until), owed.lapsed)


def after_lapse(
    owed: OwedWindows, window: int, *, audits: int, sentence: int = SENTENCE
) -> OwedWindows:
    """Return what is owed by a trainer that was away for as long as its audit was open, until
    ``window``: it is a newcomer again, who owes so many ``audits``. The second time within
    ``LAPSES_FORGOTTEN`` windows it owes what a convict does, or a cheat would go away whenever it
    is audited."""
    last = owed.lapsed
    if last is not None and window - last <= LAPSES_FORGOTTEN:
        owed = after_conviction(owed, window, sentence=sentence)
    return OwedWindows(max(owed.audits, audits), max(owed.until, window + 1), window)


# --- what a window is worth ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFacts:
    """What is known of one trainer in one window. What a validator does not measure stays as it is
    by default, and counts for nobody and against nobody."""

    counted: bool
    """Whether the window's set has it."""
    settled: bool = True
    """Whether it owed nothing."""
    convicted: bool = False
    copied: bool = False
    part: float = 1.0
    """Which part of a whole window's steps its message is made of."""
    stands: tuple[float, ...] = ()
    """Its standings, each by another measure of what its messages are worth."""


@dataclass(frozen=True, slots=True)
class WindowPay:
    """What a trainer's window is worth, from 0 to 1, and whether it loses what it earned before."""

    value: float
    forfeits: bool = False


def pay(facts: WindowFacts) -> WindowPay:
    """Return what a window with these ``facts`` is worth."""
    if facts.convicted:
        return WindowPay(0.0, forfeits=True)
    if not facts.counted or not facts.settled or facts.copied:
        return WindowPay(0.0)
    return WindowPay(facts.part * min((paid_part(each) for each in facts.stands), default=1.0))
