"""The ceiling saved aside: no nonce before its ceiling, one save for all, and ahead of need."""

from __future__ import annotations

import asyncio
import threading

import pytest

from assay.errors import Unavailable
from assay.wire.errors import Code, RequestRefused
from assay.wire.limits import DEFAULT
from assay.wire.replay import MemoryCeiling, ReplayGuard
from assay.wire.reservation import Reservation

SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND
RESERVE = int(DEFAULT.reserve_s * SECOND)
PATIENT_S = 30.0


class SlowDisk(MemoryCeiling):
    """Saves when it is let, and fails where it is told to."""

    blocking = True

    def __init__(self) -> None:
        super().__init__()
        self.may_save = threading.Event()
        self.is_full = False

    def save(self, ceiling_ns: int) -> None:
        assert self.may_save.wait(PATIENT_S)
        if self.is_full:
            raise Unavailable("The disk is full.", "Free some space.")
        super().save(ceiling_ns)


def made() -> tuple[SlowDisk, ReplayGuard, Reservation]:
    disk = SlowDisk()
    guard = ReplayGuard(disk, now_ns=NOW)
    return disk, guard, Reservation(guard)


async def test_all_wait_for_one_save_and_no_longer() -> None:
    disk, guard, reservation = made()
    waiting = [asyncio.ensure_future(reservation.secure(NOW)) for _ in range(20)]
    await asyncio.wait(waiting, timeout=0)
    assert not any(task.done() for task in waiting), "nothing is on disk yet"
    disk.may_save.set()
    await asyncio.wait_for(asyncio.gather(*waiting), PATIENT_S)
    assert (disk.saves, disk.value, guard.ceiling) == (1, NOW + RESERVE, NOW + RESERVE)
    await reservation.secure(NOW)
    assert disk.saves == 1, "what stands there is enough"


async def test_an_ageing_ceiling_is_renewed_while_requests_go_on() -> None:
    disk, guard, reservation = made()
    disk.may_save.set()
    await reservation.secure(NOW)
    disk.may_save.clear()
    for nonce in (NOW + RESERVE * 3 // 4, NOW + RESERVE):  # up to the ceiling itself
        await asyncio.wait_for(reservation.secure(nonce), PATIENT_S)
    finishing = asyncio.ensure_future(reservation.finish())
    await asyncio.wait([finishing], timeout=0)
    assert not finishing.done(), "a save is under way"
    disk.may_save.set()
    await asyncio.wait_for(finishing, PATIENT_S)
    assert disk.value == guard.ceiling == NOW + RESERVE * 3 // 4 + RESERVE


async def test_what_cannot_be_saved_is_refused_and_tried_again() -> None:
    disk, guard, reservation = made()
    disk.is_full = True
    disk.may_save.set()
    for _ in range(2):
        with pytest.raises(RequestRefused) as caught:
            await reservation.secure(NOW)
        assert (caught.value.code, caught.value.retry_after_s) == (Code.OVERLOADED, 10.0)
    assert guard.ceiling < NOW
    disk.is_full = False
    await reservation.secure(NOW)
    assert guard.ceiling == NOW + RESERVE


async def test_a_stop_waits_for_a_save_that_fails_without_failing_itself() -> None:
    disk, _, reservation = made()
    disk.is_full = True
    waiting = asyncio.ensure_future(reservation.secure(NOW))
    await asyncio.wait([waiting], timeout=0)
    finishing = asyncio.ensure_future(reservation.finish())
    await asyncio.wait([finishing], timeout=0)
    disk.may_save.set()
    await asyncio.wait_for(finishing, PATIENT_S)
    with pytest.raises(RequestRefused):
        await waiting


async def test_a_store_that_never_waits_is_saved_to_at_once() -> None:
    store = MemoryCeiling()
    guard = ReplayGuard(store, now_ns=NOW)
    await Reservation(guard).secure(NOW)
    assert store.value == guard.ceiling == NOW + RESERVE
