#!/usr/bin/env python3
"""Register a subnet: `assay subnet register`, for those who look for a script.

All options are those of the command; `--help` lists them.
"""

from __future__ import annotations

import sys

try:
    from assay.cli.main import main
except ModuleNotFoundError as error:
    sys.stderr.write(
        f"error  Assay is not in this Python's environment ({error.name} is missing).\n"
        "cure   Run `make up` once, then `source .venv/bin/activate`.\n"
    )
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main(["subnet", "register", *sys.argv[1:]]))
