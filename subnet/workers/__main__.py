"""The program that a worker's process runs: ``python -m assay.workers`` with ``host``'s arguments.

It is apart from ``host`` so that the package can import that without running it. What it exits
with says how the line ended; see ``host.main``.
"""

from __future__ import annotations

import os
import sys

from assay.workers.host import main

if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads and atexit handlers of the libraries must not hold up the end
