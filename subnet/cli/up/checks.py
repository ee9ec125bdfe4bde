"""What can be known to be wrong with a run before it starts anything.

Each check raises a ``UserError`` with the cause and the cure, and leaves nothing behind: no folder,
no process, no chain. They know the plan and the task; they do not know how a run is started.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence

from assay import needs
from assay.cli.up.plan import Plan
from assay.errors import Unavailable, UserError
from assay.spawn import socket_folder


def check_task_is_installed(task: str, modules: Iterable[str]) -> None:
    """UserError if ``task`` declares, or preloads with ``modules``, what is not installed here."""
    missing = needs.lacking(task, modules)
    if missing:
        raise UserError(
            f"The task {task} needs {listed(missing)}, which this environment lacks.",
            needs.cure(missing),
        )


def check_machine(plan: Plan) -> None:
    """Unavailable if a port of ``plan`` is in use, or if there is no folder for sockets."""
    socket_folder()
    for port in plan.ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise Unavailable(
                    f"Port {port} is in use.",
                    "Stop what listens there, or give another --base-port or --metrics-port.",
                ) from error


def listed(names: Sequence[str]) -> str:
    """``names`` as a sentence has them: "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
