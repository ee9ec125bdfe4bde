"""Whatever a worker does, its caller gets a reply or one typed error, and the next call works."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
import resource
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from loguru import logger

from assay.clock import SystemClock
from assay.spawn import compute_environment
from assay.supervise import QUICK_DEATHS_MAX
from assay.workers import (
    Worker,
    WorkerBroke,
    WorkerDied,
    WorkerError,
    WorkerFailed,
    WorkerNotStarted,
    WorkerOutOfMemory,
    Workers,
    WorkerSpec,
    WorkerTimedOut,
)
from tests.support import programs, work
from tests.support.waiting import eventually, soon
from tests.support.work import Ask, Settings, Told

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]

DOING = "tests.support.work:open_doing"
DEADLINE_S = 30.0
MIB = 1 << 20


def spec(reference: str = DOING, **more: Any) -> WorkerSpec:
    more.setdefault("settings", Settings(factor=3) if reference == DOING else None)
    environment = {"PYTHONPATH": programs.search_path(), **more.pop("environment", {})}
    return WorkerSpec("doing", reference, environment=environment, **more)


@pytest_asyncio.fixture
async def workers(tmp_path: Path) -> AsyncIterator[Workers]:
    made = Workers(tmp_path / "workers", SystemClock(), random.Random(0))
    yield made
    await made.close()


async def answers(worker: Worker) -> None:
    """The next call works."""
    told = await worker.call(Ask("times", 14), Told, deadline_s=DEADLINE_S)
    assert told == Told(42)


def living(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_a_call_gets_its_reply_and_its_progress(workers: Workers) -> None:
    worker = await workers.start(spec())
    await answers(worker)
    seen: list[Told] = []
    told = await worker.call(
        Ask("count", 1000), Told, deadline_s=DEADLINE_S, progress=seen.append, progress_type=Told
    )
    assert told == Told(1000)
    assert seen == [Told(number) for number in range(1000)]


async def test_calls_wait_for_their_turn(workers: Workers) -> None:
    worker = await workers.start(spec())
    told = await asyncio.gather(
        *(worker.call(Ask("times", n), Told, deadline_s=DEADLINE_S) for n in range(50))
    )
    assert told == [Told(3 * n) for n in range(50)]


@pytest.mark.parametrize(
    ("ask", "kind", "words"),
    [
        (Ask("killed"), WorkerDied, "killed (SIGKILL)"),
        (Ask("leave", 7), WorkerDied, "exit code 7"),
        (Ask("exits", 7), WorkerDied, "exit code 7"),
        (Ask("heir"), WorkerDied, "exit code 3"),
        (Ask("wrong"), WorkerBroke, "Expected `int`"),
        (Ask("garbage", 0), WorkerBroke, "no frame"),
        (Ask("garbage", 1), WorkerBroke, "no frame"),
        (Ask("garbage", 2), WorkerBroke, "no frame"),
        (Ask("hang_up"), WorkerDied, "closed its line"),
        (Ask("fault"), WorkerFailed, "KeyError: 'oops'"),
        (Ask("odd"), WorkerFailed, "object"),
        (Ask("large", 2 * MIB), WorkerFailed, "bytes"),
        (Ask("nosuch"), WorkerFailed, "nosuch"),
    ],
    ids=lambda value: f"{value.what}-{value.number}" if isinstance(value, Ask) else "",
)
async def test_every_fault_is_one_typed_error_and_the_next_call_works(
    workers: Workers, ask: Ask, kind: type[WorkerError], words: str
) -> None:
    worker = await workers.start(spec(body_bytes_max=MIB))
    with pytest.raises(WorkerError) as told:
        await worker.call(ask, Told, deadline_s=DEADLINE_S)
    assert type(told.value) is kind, told.value
    assert words in told.value.cause
    assert told.value.cause.startswith("The worker doing ")
    await answers(worker)


async def test_a_fault_names_the_builders_line(workers: Workers, tmp_path: Path) -> None:
    worker = await workers.start(spec())
    with pytest.raises(WorkerFailed) as told:
        await worker.call(Ask("fault"), Told, deadline_s=DEADLINE_S)
    assert told.value.at is not None
    assert told.value.at.file == work.__file__
    assert told.value.at.function == "fault"
    assert "Traceback" in (tmp_path / "workers" / "doing.log").read_text()


async def test_what_a_function_prints_is_its_log_s(workers: Workers, tmp_path: Path) -> None:
    worker = await workers.start(spec())
    assert await worker.call(Ask("talk", 5), Told, deadline_s=DEADLINE_S) == Told(5)
    assert b"not a frame" in (tmp_path / "workers" / "doing.log").read_bytes()
    await answers(worker)


async def test_a_worker_has_so_much_memory(workers: Workers) -> None:
    worker = await workers.start(spec(memory_bytes_max=256 * MIB))
    with pytest.raises(WorkerOutOfMemory, match="268,435,456 bytes of memory"):
        await worker.call(Ask("greedy"), Told, deadline_s=DEADLINE_S)
    await answers(worker)


@pytest.mark.parametrize("what", ["obedient", "deaf", "stuck"])
async def test_a_deadline_ends_a_call_whatever_the_worker_does(workers: Workers, what: str) -> None:
    worker = await workers.start(spec(cancel_grace_s=0.5))
    before = worker.pid
    began = time.monotonic()
    with pytest.raises(WorkerTimedOut, match=r"within 0\.3 s"):
        await worker.call(Ask(what), Told, deadline_s=0.3)
    assert time.monotonic() - began < 10
    await answers(worker)
    assert (worker.pid == before) is (what == "obedient"), "only one that does not heed is killed"
    assert before is not None
    assert living(before) is (what == "obedient")


@pytest.mark.parametrize("what", ["obedient", "deaf"])
async def test_a_cancelled_caller_goes_at_once_and_the_worker_is_cancelled(
    workers: Workers, what: str
) -> None:
    worker = await workers.start(spec(cancel_grace_s=0.5))
    begun = asyncio.Event()
    task = asyncio.create_task(
        worker.call(Ask(what), Told, deadline_s=DEADLINE_S, progress=lambda _: begun.set())
    )
    await begun.wait()
    before = worker.pid
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await answers(worker)
    assert (worker.pid == before) is (what == "obedient")


async def test_an_error_in_the_callers_progress_is_the_callers(workers: Workers) -> None:
    worker = await workers.start(spec())
    before = worker.pid

    def progress(_: Told) -> None:
        raise LookupError("the caller's own")

    with pytest.raises(LookupError, match="own"):
        await worker.call(Ask("obedient"), Told, deadline_s=DEADLINE_S, progress=progress)
    with pytest.raises(WorkerBroke, match="a progress that is not one"):
        await worker.call(
            Ask("obedient"), Told, deadline_s=DEADLINE_S, progress=lambda _: None, progress_type=str
        )
    await answers(worker)
    assert worker.pid == before


async def test_a_worker_that_is_killed_between_calls_is_back_for_the_next(
    workers: Workers,
) -> None:
    worker = await workers.start(spec())
    first = worker.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await answers_soon(worker)
    assert worker.pid not in (None, first)


async def answers_soon(worker: Worker) -> None:
    """The first call after a death may still meet the dead one; that is an error like any other."""

    async def look() -> bool:
        try:
            await answers(worker)
        except WorkerDied:
            return False
        return True

    await soon(look, "the worker answers again")


async def test_a_worker_that_always_dies_is_given_up(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.supervise.BACKOFF_FIRST_S", 0.001)
    monkeypatch.setattr("assay.supervise.BACKOFF_MAX_S", 0.001)
    worker = await workers.start(spec())
    for _ in range(QUICK_DEATHS_MAX + 1):
        with pytest.raises(WorkerDied):
            await worker.call(Ask("killed"), Told, deadline_s=DEADLINE_S)
    with pytest.raises(WorkerNotStarted, match="SIGKILL"):
        await worker.call(Ask("times"), Told, deadline_s=DEADLINE_S)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("tests.support.work:open_wrongly", "LookupError: no GPU here"),
        ("tests.support.work:nosuch", "no function"),
        ("tests.support.nosuch:open", "No module named"),
        ("nothing", "no function"),
        ("tests.support.work:open_nothing", "cannot be called"),
        ("tests.support.work:open_local", "top level"),
    ],
)
async def test_a_worker_that_cannot_start_says_why(
    workers: Workers, reference: str, words: str
) -> None:
    with pytest.raises(WorkerNotStarted) as told:
        await workers.start(spec(reference))
    assert words in str(told.value)
    if reference.endswith("open_wrongly"):
        assert told.value.at is not None
        assert told.value.at.function == "open_wrongly"


async def test_a_worker_that_loads_for_too_long_is_killed(workers: Workers) -> None:
    with pytest.raises(WorkerNotStarted, match=r"not ready within 0\.5 s"):
        await workers.start(spec("tests.support.work:open_slowly", start_deadline_s=0.5))


async def test_settings_of_another_type_are_told(workers: Workers) -> None:
    with pytest.raises(WorkerNotStarted, match="Expected `int`"):
        await workers.start(spec(settings={"factor": "many"}))


async def test_a_function_in_a_task_file_is_found_as_the_task_is(
    workers: Workers, tmp_path: Path
) -> None:
    (tmp_path / "neighbour.py").write_text("FACTOR = 6\n")
    (tmp_path / "task.py").write_text(
        "from subnet.neuron import Task\n"
        "import neighbour\n"
        "def open_it(settings):\n"
        "    return lambda number, call: number * neighbour.FACTOR\n"
    )
    worker = await workers.start(spec(f"{tmp_path / 'task.py'}:open_it"))
    assert await worker.call(7, int, deadline_s=DEADLINE_S) == 42


async def test_an_environment_and_a_niceness_of_its_own(workers: Workers) -> None:
    worker = await workers.start(spec(environment=compute_environment(threads=5), niceness=3))
    told = await worker.call(Ask("environment"), Told, deadline_s=DEADLINE_S)
    assert told == Told(os.nice(0) + 3, "5")


async def test_what_a_worker_started_is_killed_with_it(workers: Workers) -> None:
    worker = await workers.start(spec(cancel_grace_s=0.1))
    nested = await worker.call(Ask("nested"), Told, deadline_s=DEADLINE_S)
    with pytest.raises(WorkerTimedOut):
        await worker.call(Ask("deaf"), Told, deadline_s=0.3)
    await answers(worker)
    eventually(lambda: not living(nested.number), "it is gone")


@pytest.mark.parametrize("end", ["died", "stopped"])
async def test_what_a_worker_started_ends_with_it_however_that_ends(
    workers: Workers, end: str
) -> None:
    """Also where this side sends no signal: the system killed it, or it ended by itself."""
    worker = await workers.start(spec())
    nested = await worker.call(Ask("nested"), Told, deadline_s=DEADLINE_S)
    assert living(nested.number)
    if end == "died":
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        await answers_soon(worker)
    else:
        await workers.close()
    eventually(lambda: not living(nested.number), "it is gone")


async def test_a_system_that_has_no_process_for_a_while_is_asked_again(workers: Workers) -> None:
    worker = await workers.start(spec())
    assert worker.pid is not None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    refused: list[str] = []
    handler = logger.add(lambda line: refused.append(str(line)), level="WARNING")
    open_now = len(os.listdir("/proc/self/fd"))
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_now - 3, hard))
        os.kill(worker.pid, signal.SIGKILL)

        async def is_refused() -> bool:
            return any("Too many open files" in line for line in refused)

        await soon(is_refused, "a start is refused")
        with pytest.raises(WorkerNotStarted, match="Too many open files"):
            await workers.start(dataclasses.replace(spec(), name="another"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        logger.remove(handler)
    await answers_soon(worker)


class BrokenRandom(random.Random):
    """One that raises as soon as it is asked."""

    def uniform(self, a: float, b: float) -> float:
        raise LookupError("no entropy")


async def test_a_fault_of_our_own_in_keeping_a_worker_is_told_to_its_calls(tmp_path: Path) -> None:
    workers = Workers(tmp_path, SystemClock(), BrokenRandom())
    worker = await workers.start(spec())
    try:
        for _ in range(2):  # only the second start in a row has a pause, which is drawn
            with pytest.raises(WorkerError):
                await worker.call(Ask("killed"), Told, deadline_s=DEADLINE_S)
        with pytest.raises(WorkerNotStarted, match="LookupError: no entropy"):
            await worker.call(Ask("times"), Told, deadline_s=DEADLINE_S)
    finally:
        await workers.close()


async def test_stopping_ends_processes_and_calls(tmp_path: Path) -> None:
    workers = Workers(tmp_path, SystemClock(), random.Random(0))
    worker = await workers.start(spec())
    begun = asyncio.Event()
    under_way = asyncio.create_task(
        worker.call(Ask("deaf"), Told, deadline_s=DEADLINE_S, progress=lambda _: begun.set())
    )
    await begun.wait()
    waiting = asyncio.create_task(worker.call(Ask("times"), Told, deadline_s=DEADLINE_S))
    pid = worker.pid
    await workers.close()
    await workers.close()
    for call, kind in ((under_way, WorkerDied), (waiting, WorkerNotStarted)):
        with pytest.raises(kind, match="stopped"):
            await call
    assert pid is not None
    assert not living(pid)
    assert worker.pid is None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_neuron(tmp_path: Path, number: signal.Signals) -> None:
    with programs.start("employer", str(tmp_path)) as process:
        try:
            assert process.stdout is not None
            pid = int(process.stdout.readline())
            assert living(pid)
        finally:
            process.send_signal(number)
    eventually(lambda: not living(pid), "the worker ends")


async def test_too_long_a_message_is_the_callers_mistake(workers: Workers) -> None:
    worker = await workers.start(spec(body_bytes_max=1000))
    with pytest.raises(ValueError, match="1,000"):
        await worker.call("x" * 1001, Told, deadline_s=DEADLINE_S)
    await answers(worker)


async def test_thousands_of_calls_leave_nothing_behind(workers: Workers) -> None:
    worker = await workers.start(spec())
    await answers(worker)
    before, tasks = len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())
    for _ in range(3):
        with pytest.raises(WorkerDied):
            await worker.call(Ask("killed"), Told, deadline_s=DEADLINE_S)
        await answers(worker)
    for number in range(2000):
        await worker.call(Ask("times", number), Told, deadline_s=DEADLINE_S)
    assert len(os.listdir("/proc/self/fd")) == before
    assert len(asyncio.all_tasks()) == tasks
