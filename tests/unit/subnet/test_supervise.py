"""Children are kept alive within bounds, told apart by how they ended, and never outlive us."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path

import msgspec
import pytest

from assay.clock import ManualClock, SystemClock
from assay.errors import Unavailable
from assay.outcome import Kind
from assay.spawn import ChildSpec, compute_environment
from assay.supervise import (
    BACKOFF_MAX_S,
    QUICK_DEATHS_MAX,
    QUICK_S,
    UNAVAILABLE_DEATHS_MAX,
    Backoff,
    ChildFailed,
    Supervisor,
)
from tests.support import programs
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

SORTS = pytest.mark.parametrize("forked", [False, True], ids=["fresh", "forked"])


def alive(pid: int) -> bool:
    """Whether it still runs; one that ended may have been reaped or not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(SystemClock(), random.Random(0), tmp_path / "processes.json")
    made.preload([programs.MODULE], {"PYTHONPATH": programs.search_path()})
    yield made
    made.stop()


def child(folder: Path, *arguments: str, name: str = "node", **more: object) -> ChildSpec:
    environment = {"PYTHONPATH": programs.search_path(), **more.pop("environment", {})}  # type: ignore[dict-item]
    return ChildSpec(
        name=name,
        module=programs.MODULE,
        arguments=arguments,
        log=folder / f"{name}.log",
        environment=environment,
        **more,  # type: ignore[arg-type]
    )


def pid_of(supervisor: Supervisor, name: str = "node") -> int:
    return eventually(lambda: supervisor.handle(name).pid, f"{name} is started") or 0


def ended(supervisor: Supervisor, name: str = "node") -> None:
    eventually(lambda: supervisor.handle(name).code() is not None, f"{name} ends")


def failure(supervisor: Supervisor) -> ChildFailed:
    """The error that the supervision ends with."""

    def look() -> ChildFailed | None:
        try:
            supervisor.check()
        except ChildFailed as error:
            return error
        return None

    found = eventually(look, "a child is given up")
    assert found is not None
    return found


@SORTS
def test_a_killed_child_is_started_again_and_all_are_stopped(
    supervisor: Supervisor, tmp_path: Path, forked: bool
) -> None:
    supervisor.start(child(tmp_path, "live", forked=forked))
    first = pid_of(supervisor)
    supervisor.check()
    told = tmp_path / "processes.json"
    assert msgspec.json.decode(told.read_bytes()) == {"node": first}
    os.kill(first, signal.SIGKILL)
    ended(supervisor)
    supervisor.check()  # the first death costs no pause
    second = pid_of(supervisor)
    assert second != first
    supervisor.stop()
    assert not alive(second)
    assert msgspec.json.decode(told.read_bytes()) == {}


@SORTS
def test_a_users_mistake_is_told_in_its_own_words_and_not_repeated(
    supervisor: Supervisor, tmp_path: Path, forked: bool
) -> None:
    supervisor.start(child(tmp_path, "mistake", forked=forked))
    told = failure(supervisor)
    assert (told.cause, told.cure) == ("node: It is [/x] \x1b[2Jso.", "Do so.")
    assert not told.needs_fresh


def test_what_is_unavailable_for_a_moment_ends_nothing(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    """A port that an earlier process still holds, for instance."""
    supervisor.start(child(tmp_path, "lacking", str(tmp_path / "port")))
    ended(supervisor)
    supervisor.check()  # the first death costs no pause
    assert alive(pid_of(supervisor))
    assert supervisor.handle("node").code() is None


def test_what_stays_unavailable_is_told_in_the_childs_words_after_some_starts(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    supervisor = Supervisor(clock, random.Random(0))
    supervisor.start(child(tmp_path, "lacking_always"))
    try:
        for _ in range(UNAVAILABLE_DEATHS_MAX - 1):
            ended(supervisor)
            supervisor.check()
            clock.advance(BACKOFF_MAX_S)
            supervisor.check()
        ended(supervisor)
        told = failure(supervisor)
        assert (told.cause, told.cure) == ("node: Port 9 is in use.", "Choose another.")
    finally:
        supervisor.stop()


@pytest.mark.parametrize("what", ["stopped", "killed"])
def test_what_a_fresh_child_started_ends_with_it(
    supervisor: Supervisor, tmp_path: Path, what: str
) -> None:
    supervisor.start(child(tmp_path, "helped"))
    log = tmp_path / "node.log"
    helper = int(eventually(lambda: log.read_text().strip(), "it has a helper"))
    assert alive(helper)
    if what == "killed":
        os.kill(pid_of(supervisor), signal.SIGKILL)
        ended(supervisor)
    else:
        supervisor.stop()
    eventually(lambda: not alive(helper), "the helper is gone")


def test_what_only_a_fresh_start_mends_is_told_as_data(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(child(tmp_path, "stale"))
    assert failure(supervisor).needs_fresh


@pytest.mark.parametrize("colour", [{}, {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"}], ids=repr)
@SORTS
def test_a_builders_fault_ends_at_the_second_time_with_its_line_first(
    supervisor: Supervisor, tmp_path: Path, forked: bool, colour: dict[str, str]
) -> None:
    supervisor.start(child(tmp_path, "fault", "oops", forked=forked, environment=colour))
    told = failure(supervisor)
    source = Path(programs.__file__)
    line = 1 + source.read_text().splitlines().index("    raise KeyError(*words)")
    assert told.cause.startswith(f"{source}:{line} in fault(): KeyError: 'oops'.")
    assert told.outcome is not None
    assert told.outcome.kind is Kind.TASK
    assert str(tmp_path / "node.log") in told.cure


@SORTS
@pytest.mark.parametrize(
    ("number", "words"), [(signal.SIGKILL, "SIGKILL"), (signal.SIGABRT, "SIGABRT")]
)
def test_a_child_that_a_signal_ended_is_told_so(
    tmp_path: Path, forked: bool, number: signal.Signals, words: str
) -> None:
    clock = ManualClock()
    supervisor = Supervisor(clock, random.Random(0))
    supervisor.preload([programs.MODULE], {"PYTHONPATH": programs.search_path()})
    supervisor.start(child(tmp_path, "live", forked=forked))
    try:
        for _ in range(QUICK_DEATHS_MAX):
            os.kill(pid_of(supervisor), number)
            ended(supervisor)
            supervisor.check()
            clock.advance(BACKOFF_MAX_S)
            supervisor.check()
        os.kill(pid_of(supervisor), number)
        ended(supervisor)
        told = failure(supervisor)
        assert told.cause == f"node cannot be kept alive. It was killed ({words})."
        assert told.outcome is not None
        assert told.outcome.kind is Kind.KILLED
    finally:
        supervisor.stop()


@pytest.mark.slow  # it is started again until it is given up, with pauses of 19 s in all
def test_a_child_that_says_nothing_is_told_by_its_code(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(child(tmp_path, "leave", "7"))
    ended(supervisor)
    (tmp_path / "node.outcome.json").write_text('{"code": 1, "kind": "user", "cause": "Old."}')
    told = failure(supervisor)
    assert "It left with exit code 7 and said nothing." in told.cause
    assert told.cure == f"Its log is {tmp_path / 'node.log'}."


def test_restarts_back_off_with_jitter_and_begin_anew_after_a_life() -> None:
    pauses = []
    for seed in (1, 2):
        backoff = Backoff(random.Random(seed))
        pauses.append([backoff.died(1.0) for _ in range(QUICK_DEATHS_MAX)])
        assert not backoff.spent
        assert backoff.died(1.0) > 0
        assert backoff.spent
        assert backoff.died(QUICK_S + 1) == 0.0
        assert not backoff.spent
    first, second = pauses
    assert first[0] == second[0] == 0.0
    assert all(one != other for one, other in zip(first[1:], second[1:], strict=True))
    assert all(BACKOFF_MAX_S / 2 <= pause <= BACKOFF_MAX_S for pause in first[6:])
    assert sum(first) < 40


async def test_the_first_line_of_a_child_is_that_of_the_one_that_lives(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(child(tmp_path, "ready", ready_line=True))
    os.kill(pid_of(supervisor), signal.SIGKILL)
    ended(supervisor)
    supervisor.check()
    assert await supervisor.first_line("node", 20) == f"ready {pid_of(supervisor)}".encode()
    # What it says after that is read as well, or it would wait for its reader for ever.
    handle = supervisor.handle("node")
    log = tmp_path / "node.log"
    eventually(lambda: handle.first_line() and "all was read" in log.read_text(), "it goes on")


async def test_a_child_that_says_nothing_is_given_up(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(child(tmp_path, "live", ready_line=True))
    with pytest.raises(Unavailable, match="node was not ready"):
        await supervisor.first_line("node", 0.2)


def test_a_child_has_an_environment_and_a_niceness_of_its_own(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    names = ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "ASSAY_LIFELINE_FD", "ASSAY_OUTCOME_FILE")
    before = {name: os.environ.get(name) for name in names}
    own = compute_environment(threads=3, devices=(0, 2))
    supervisor.start(child(tmp_path, "tell", *names, name="own", environment=own, niceness=4))
    supervisor.start(child(tmp_path, "tell", *names, name="other", forked=True))
    nice = os.nice(0)
    for name, expected in (
        ("own", f"{dict(zip(names, ('3', '0,2', None, None), strict=True))} {nice + 4}"),
        ("other", f"{dict.fromkeys(names)} {nice}"),
    ):
        log = tmp_path / f"{name}.log"
        eventually(lambda log=log, expected=expected: expected in log.read_text(), expected, 10)
    assert {name: os.environ.get(name) for name in names} == before


def test_a_fork_cannot_have_other_threads_than_its_server(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="OMP_NUM_THREADS"):
        supervisor.start(child(tmp_path, "live", forked=True, environment={"OMP_NUM_THREADS": "2"}))


def test_a_fork_whose_server_imports_still_holds_nobody_up(tmp_path: Path) -> None:
    """Neither the look at the other children nor the end."""
    (tmp_path / "slow_import.py").write_text("import time\ntime.sleep(600)\n")
    script = f"""
import os, random, signal, sys
from pathlib import Path
from assay.clock import SystemClock
from assay.spawn import ChildSpec
from assay.supervise import Supervisor
from tests.support.waiting import eventually
made = Supervisor(SystemClock(), random.Random(0))
made.preload(["slow_import"], {{}})
for forked in (True, False):
    made.start(ChildSpec(name=str(forked), module="{programs.MODULE}", arguments=("live",),
        log=Path("{tmp_path}", str(forked) + ".log"), forked=forked))
first = made.handle("False").pid
os.kill(first, signal.SIGKILL)
eventually(lambda: made.handle("False").code() is not None, "it ends")
made.check()
assert made.handle("False").pid != first
assert made.handle("True").pid is None
made.stop()
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=programs.ROOT,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{programs.search_path()}"},
    )
    assert done.returncode == 0, done.stderr


def test_forks_do_not_outlive_a_killed_fork_server(supervisor: Supervisor, tmp_path: Path) -> None:
    """Or the one that is started in its place would find the port and the locks taken."""
    from multiprocessing import forkserver

    supervisor.start(child(tmp_path, "live", forked=True))
    first = pid_of(supervisor)
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    os.kill(server, signal.SIGKILL)
    ended(supervisor)
    assert not alive(first)
    supervisor.check()
    second = pid_of(supervisor)
    assert second != first
    supervisor.stop()
    assert not alive(second)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_child_outlives_a_supervisor(tmp_path: Path, number: signal.Signals) -> None:
    with programs.start("parent", str(tmp_path / "x.log")) as process:
        try:
            assert process.stdout is not None
            pids = [int(word) for word in process.stdout.readline().split()]
            assert len(pids) == 2
            assert all(alive(pid) for pid in pids)
            process.send_signal(number)
        except BaseException:
            process.kill()
            raise
    eventually(lambda: not any(alive(pid) for pid in pids), "the children end")


def test_a_deaf_child_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.supervise.STOP_GRACE_S", 0.2)
    supervisor = Supervisor(SystemClock(), random.Random(0))
    supervisor.start(child(tmp_path, "deaf", ready_line=True))
    pid = pid_of(supervisor)
    eventually(lambda: supervisor.handle("node").first_line(), "it is deaf")
    supervisor.stop()
    assert not alive(pid)


PRELOADING = f"""
import random, sys
from pathlib import Path
from assay.clock import SystemClock
from assay.spawn import ChildSpec
from assay.supervise import Supervisor
from tests.support.waiting import eventually
made = Supervisor(SystemClock(), random.Random(0))
made.preload(["talkative"], {{}})
made.start(ChildSpec(name="odd", module="{programs.MODULE}", arguments=("leave", "0"),
    log=Path(sys.argv[1]) / "odd.log", forked=True))
eventually(lambda: made.handle("odd").code() is not None, "it ends")
sys.stdout.write("result")
made.stop()
"""


@pytest.fixture
def preloading(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    (tmp_path / "talkative.py").write_text(
        "import signal\n"
        "print('a greeting', signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", PRELOADING, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=programs.ROOT,
        env={
            **os.environ,
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{programs.search_path()}",
            "PYTHONUNBUFFERED": "1",
        },
    )


def test_what_modules_print_at_their_import_is_not_the_result(
    preloading: subprocess.CompletedProcess[str],
) -> None:
    assert (preloading.returncode, preloading.stdout) == (0, "result"), preloading.stderr
    assert "a greeting" in preloading.stderr


def test_ctrl_c_does_not_reach_the_imports_of_the_fork_server(
    preloading: subprocess.CompletedProcess[str],
) -> None:
    """A terminal sends it to every process of the run; a traceback would be all one saw."""
    assert "a greeting True" in preloading.stderr


NAMES = ("assay.py", "tests.py", "random.py", "threading.py", "msgspec.py", "json/__init__.py")
"""Of a person's files, where a run is started: ours, Python's own, and a library's."""


def test_the_folder_a_run_is_started_in_shadows_no_module(tmp_path: Path) -> None:
    here = tmp_path / "here"
    for name in NAMES:
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(f"raise SystemExit({name!r} + ' was imported')\n")
    program = tmp_path / "bin" / "run"  # as the console script, which stands in another folder
    program.parent.mkdir()
    program.write_text(f"""
import random, sys
from pathlib import Path
from assay.clock import SystemClock
from assay.spawn import ChildSpec
from assay.supervise import Supervisor
from tests.support.waiting import eventually
if __name__ == "__main__":
    made = Supervisor(SystemClock(), random.Random(0))
    made.preload(["{programs.MODULE}"], {{}})
    log = Path("{tmp_path}", "told.log")
    made.start(ChildSpec(name="told", module="{programs.MODULE}",
        arguments=("tell", "PYTHONSAFEPATH"), log=log, forked=True))
    eventually(lambda: log.exists() and "PYTHONSAFEPATH" in log.read_text(), "it tells", 20)
    made.stop()
    print(log.read_text())
""")
    environment = {**os.environ, "PYTHONPATH": programs.search_path()}
    environment.pop("PYTHONSAFEPATH", None)
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=here, env=environment, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "{'PYTHONSAFEPATH': None}" in done.stdout, "a child's own programs are started as ever"
    assert "was imported" not in done.stderr


def test_a_fork_that_cannot_write_its_log_says_so_without_a_traceback(
    supervisor: Supervisor, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").mkdir()
    supervisor.start(child(tmp_path / "logs", "live", forked=True))
    first = pid_of(supervisor)
    shutil.rmtree(tmp_path / "logs")
    os.kill(first, signal.SIGKILL)
    assert "It cannot write its log." in failure(supervisor).cause
    assert "Traceback" not in capfd.readouterr().err


def test_what_a_fork_server_imported_is_shared_by_its_forks_for_good(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    """A collection of garbage would write into all of it, and each fork have a copy."""
    supervisor.start(child(tmp_path, "frozen", forked=True))
    log = tmp_path / "node.log"
    told = eventually(lambda: log.exists() and log.read_text().strip(), "it tells")
    assert int(told) > 10_000


def test_a_stopped_fork_server_is_gone_before_the_next_one_is_asked_for(tmp_path: Path) -> None:
    """A server that is still ending would be taken for the next one, and lose its first child. One
    that holds much memory takes a while to end."""
    (tmp_path / "much_memory.py").write_text("held = bytes([1]) * 2**27\n")
    search_path = os.pathsep.join((str(tmp_path), programs.search_path()))
    supervisor = Supervisor(SystemClock(), random.Random(0))
    supervisor.preload([programs.MODULE, "much_memory"], {"PYTHONPATH": search_path})
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    supervisor.start(child(tmp_path, "live", forked=True))
    eventually((tmp_path / "node.log").exists, "the server has imported everything")
    supervisor.stop()
    assert not alive(server)


@SORTS
def test_logs_are_their_owners_alone(supervisor: Supervisor, tmp_path: Path, forked: bool) -> None:
    supervisor.start(child(tmp_path, "mistake", forked=forked))
    ended(supervisor)
    for name in ("node.log", "node.outcome.json"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
