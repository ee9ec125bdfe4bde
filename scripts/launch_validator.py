#!/usr/bin/env python3
"""Launch a validator: `assay validator run`, for those who look for a script.

All options are those of the command; `--help` lists them.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import interpreter  # of this checkout

interpreter.enter()

from assay.cli.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(["validator", "run", *sys.argv[1:]]))
