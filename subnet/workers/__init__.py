"""Heavy work in processes of its own: a worker is supervised, bounded, and asked by typed messages.

``frames`` says what goes over the line between a neuron and a worker; ``host`` is the worker's side
of it; ``line`` is one process from its start to its end; ``worker`` keeps one alive and calls it;
``errors`` says what can go wrong.

    workers = Workers(folder, clock, rng)
    trainer = await workers.start(WorkerSpec("trainer", "my_task.training:open_trainer", settings))
    done = await trainer.call(Step(100), Done, deadline_s=600.0)

The named function runs in the worker: it takes the settings, loads what it needs, and returns the
function that answers calls, one at a time::

    def open_trainer(settings: Settings) -> Callable[[Step, WorkerCall], Done]:
        model = load(settings)

        def step(request: Step, call: WorkerCall) -> Done:
            for number in range(request.steps):
                call.check()                     # ends here once the caller has given up
                call.progress(Loss(number, model.step()))
            return Done(...)

        return step

The two parameters' types say what is decoded; nothing is pickled.
"""

from assay.workers.errors import (
    WorkerBroke,
    WorkerDied,
    WorkerError,
    WorkerFailed,
    WorkerNotStarted,
    WorkerOutOfMemory,
    WorkerTimedOut,
)
from assay.workers.host import CallCancelled, WorkerCall
from assay.workers.worker import Worker, Workers, WorkerSpec

__all__ = [
    "CallCancelled",
    "Worker",
    "WorkerBroke",
    "WorkerCall",
    "WorkerDied",
    "WorkerError",
    "WorkerFailed",
    "WorkerNotStarted",
    "WorkerOutOfMemory",
    "WorkerSpec",
    "WorkerTimedOut",
    "Workers",
]
