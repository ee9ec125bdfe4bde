"""btcli, command after command, each in a process of its own that is forked from this one.

Reads the arguments of a command as a JSON array, a line each, and answers with a line: its exit
code, what it printed and what it complained of. To import btcli and to build its tree of commands
takes two seconds of a processor, and most commands nothing beside; here both are done once.
Whatever else a command does it does as if started by its name: it finds its arguments, no standard
input, and a process that no command before it has touched.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from typing import IO, NoReturn

import typer.main
from bittensor.cli.main import app, main

TREE = typer.main.get_command(app)
typer.main.get_command = lambda _: TREE


def run(arguments: list[str], out: IO[bytes], err: IO[bytes]) -> int:
    """One command with ``arguments``, printing to ``out`` and ``err``; its exit code."""
    child = os.fork()
    if not child:
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        be(arguments)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def be(arguments: list[str]) -> NoReturn:
    """Be btcli, and end as an interpreter would."""
    sys.argv = ["btcli", *arguments]
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


for line in sys.stdin:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = run(json.loads(line), out, err)
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read().decode())
    sys.stdout.write(json.dumps([code, *said]) + "\n")
    sys.stdout.flush()
