#!/usr/bin/env python3
"""Launch a validator: `assay validator run`, for those who look for a script.

All options are those of the command; `--help` lists them.
"""

from __future__ import annotations

import sys

from subnet.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["validator", "run", *sys.argv[1:]]))
