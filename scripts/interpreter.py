"""The Python that a script needs: the project's, with the packages of this checkout.

A script that is run by its path calls ``enter()`` before it imports anything that is not in the
standard library. Under a Python that has the project's dependencies ``enter`` only puts the
checkout's sources first; under any other one it starts the script again with the checkout's own
environment. Standard library only, and nothing of ours.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCES: Final = ROOT / "src"
PYTHON: Final = ROOT / ".venv" / "bin" / "python"
NEEDED: Final = "msgspec"
"""A dependency of every room of the project, and of no Python by itself."""
MISSING: Final = (
    f"error  This Python ({sys.executable}) lacks the project's packages.\n"
    "cure   Run `make up` once; scripts then find its environment, .venv, by themselves.\n"
)


def enter() -> None:
    """Go on under the project's Python, or end with a sentence that says how to get it."""
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, (SOURCES, ROOT)))
    if importlib.util.find_spec(NEEDED) is not None:
        sys.path[:0] = [str(SOURCES), str(ROOT)]
        return
    # A link: .venv/bin/python leads to the very Python that lacks the packages.
    if not PYTHON.exists() or (Path(sys.executable) == PYTHON and not sys.flags.no_site):
        sys.stderr.write(MISSING)
        raise SystemExit(2)
    os.execv(PYTHON, [str(PYTHON), *sys.argv])
