"""A program for tests that need a child process: it does what its first argument names.

Run as a module (``python -m tests.support.programs WHAT``) or entered by ``main``, as the product's
own programs are.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from assay.child import Supervised
from assay.errors import Unavailable, UserError
from assay.outcome import Kind, Outcome, outcome_of

ROOT = Path(__file__).resolve().parents[2]
MODULE = "tests.support.programs"


class Stale(UserError):
    needs_fresh = True


def live(*_: str) -> None:
    """Until a signal ends it."""
    while True:
        time.sleep(60)


def helped(*_: str) -> None:
    """Start a process that outlives this one, say its process id, and live."""
    print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
    live()


def deaf(*_: str) -> None:
    """Until SIGKILL ends it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("deaf", flush=True)
    live()


def ready(*_: str) -> None:
    """Say so, say much more, and live."""
    print(f"ready {os.getpid()}", flush=True)
    print("x" * 300_000, flush=True)
    print("all was read", file=sys.stderr, flush=True)
    live()


def leave(code: str) -> None:
    """End with an exit code and not a word."""
    os._exit(int(code))


def mistake(*_: str) -> None:
    raise UserError("It is [/x] \x1b[2Jso.", "Do so.")


def stale(*_: str) -> None:
    raise Stale("It is too old.", "Start a new one.")


def fault(*words: str) -> None:
    raise KeyError(*words)


def lacking(path: str) -> None:
    """Live if there is something at ``path``; otherwise put it there and miss it for this once."""
    if Path(path).exists():
        live()
    Path(path).touch()
    lacking_always()


def lacking_always(*_: str) -> None:
    raise Unavailable("Port 9 is in use.", "Choose another.")


def deep_fault(*_: str) -> None:
    int("odd")


def tell(*names: str) -> None:
    """Write what of the environment a child sees, and its niceness, into its log."""
    print({name: os.environ.get(name) for name in names}, os.nice(0), flush=True, file=sys.stderr)
    live()


def frozen(*_: str) -> None:
    """Write into the log how many objects no collection of garbage looks at."""
    print(gc.get_freeze_count(), flush=True)
    live()


def parent(log: str) -> None:
    """Supervise two children that live, one of each sort, and say their process ids."""
    import random

    from assay.clock import SystemClock
    from assay.spawn import ChildSpec
    from assay.supervise import Supervisor
    from tests.support.waiting import eventually

    made = Supervisor(SystemClock(), random.Random(0))
    made.preload([MODULE], {})
    for forked in (False, True):
        spec = ChildSpec(
            name=str(forked), module=MODULE, arguments=("live",),
            log=Path(log).with_name(f"{forked}.log"), forked=forked,
        )  # fmt: skip
        made.start(spec)
    pids = [eventually(lambda name=name: made.handle(name).pid, name) for name in ("False", "True")]
    print(*pids, flush=True)
    live()


def employer(folder: str) -> None:
    """Have a worker that is at work, and say its process id."""
    import asyncio
    import random

    from assay.clock import SystemClock
    from assay.workers import Workers, WorkerSpec
    from tests.support.work import Ask, Settings, Told

    async def employ() -> None:
        workers = Workers(Path(folder), SystemClock(), random.Random(0))
        spec = WorkerSpec("doing", "tests.support.work:open_doing", Settings())
        worker = await workers.start(spec)
        await worker.call(
            Ask("obedient"), Told, deadline_s=600, progress=lambda _: print(worker.pid, flush=True)
        )

    asyncio.run(employ())


def search_path() -> str:
    """The PYTHONPATH of a process that is to find this module, wherever it is started."""
    # An empty entry would be the current folder.
    return os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))


def start(*arguments: str) -> subprocess.Popen[str]:
    """This program in a process of its own, its stdout a pipe."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", MODULE, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": search_path()},
    )


PROGRAMS: tuple[Callable[..., None], ...] = (
    live, deaf, ready, leave, mistake, stale, fault, deep_fault, tell, parent, employer,
    helped, lacking, lacking_always, frozen,
)  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    supervised = Supervised.attend()
    what = {one.__name__: one for one in PROGRAMS}
    try:
        what[arguments[0]](*arguments[1:])
        outcome = Outcome(code=0, kind=Kind.DONE)
    except Exception as error:
        outcome = outcome_of(error)
    supervised.report(outcome)
    return outcome.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
