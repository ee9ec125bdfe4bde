#!/usr/bin/env python3
"""Register a subnet: `assay subnet register`, for those who look for a script.

All options are those of the command; `--help` lists them.
"""

from __future__ import annotations

import sys

from subnet.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["subnet", "register", *sys.argv[1:]]))
