"""The log: what its lines hold, that its files stay bounded, and what it never shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from assay.cli import log, main
from assay.cli.log import configure_log
from assay.cli.param_types import LOG_BYTES_MAX, OLD_LOGS
from assay.errors import UserError

FIELDS = ["time", "level", "module", "line", "pid", "message"]


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    yield
    configure_log("WARNING")
    logger.remove()


def objects(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_says_when_how_grave_who_and_what(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log("INFO")
    logger.info("hello {}", "world")
    logger.debug("not this")
    (line,) = capsys.readouterr().err.splitlines()
    day, time, level, module, *words = line.split()
    assert (level, module, words) == ("INFO", f"{__name__}:", ["hello", "world"])
    assert len(day) == 10
    assert len(time) == 12


def test_a_line_of_json_is_one_object_whatever_is_said(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "log"
    configure_log("INFO", "json", path)
    logger.info("two\nlines and {braces} <red>tags</red> \x1b[31m")
    password = "tiger"
    try:
        raise ValueError(f"of {len(password)}")
    except ValueError:
        logger.exception("It broke.")
    said, broke = objects(path)
    assert list(said) == FIELDS
    assert said["level"] == "INFO"
    assert said["module"] == __name__
    assert said["pid"] == os.getpid()
    assert said["message"] == "two\nlines and {braces} <red>tags</red> \x1b[31m"
    assert str(said["time"]).endswith("+00:00")
    assert list(broke) == [*FIELDS, "error", "traceback"]
    assert broke["error"] == "ValueError"
    assert "ValueError: of 5" in str(broke["traceback"])
    assert "tiger" not in path.read_text(), "no variable's value is shown"
    assert path.stat().st_mode & 0o077 == 0


def test_a_log_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "LOG_BYTES_MAX", 2_000)
    path = tmp_path / "log"
    configure_log("INFO", "text", path)
    for number in range(400):
        logger.info("line {} {}", number, "x" * 60)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["log", *(f"log.{n + 1}" for n in range(OLD_LOGS))]
    assert all(file.stat().st_size <= 2_000 for file in files)
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    kept = "".join(file.read_text() for file in reversed(files))
    assert "line 399 " in kept
    assert OLD_LOGS * LOG_BYTES_MAX < 50e6


CHILD = """
import os, sys
from pathlib import Path
from loguru import logger
from assay.cli import log
log.LOG_BYTES_MAX = 1_000
log.configure_log("INFO", "text", Path(sys.argv[1]))
for number in range(40):
    logger.info("line {} {}", number, "x" * 60)
os.write(2, b"what the interpreter says\\n")
"""


def test_what_a_child_says_past_its_log_stays_with_it(tmp_path: Path) -> None:
    """`assay up` lets a child's stderr be the child's log: a crash must be in the newest file."""
    path = tmp_path / "log"
    with path.open("ab") as sink:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(path)], stderr=sink, stdout=sink, timeout=60
        )
    assert done.returncode == 0, path.read_text()
    assert path.read_text().endswith("what the interpreter says\n")
    assert (tmp_path / f"log.{OLD_LOGS}").exists()


def test_why_a_command_ended_is_in_its_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log"
    words = ["chain", "start", "--in-memory", "--rpc-address", "203.0.113.7", "--port", "0"]
    assert main.main([*words, "--log-file", str(path), "--log-format", "json"]) == 2
    (line,) = objects(path)
    assert "cause" in line
    assert line["module"] == "assay.localnet.rpc.server", "who said it, and not who wrote it down"
    assert "--rpc-address" in str(line["cure"])
    assert "error  " in capsys.readouterr().err, "a person at the terminal is told as well"
    assert main.main([*words, "--log-format", "json"]) == 2
    err = capsys.readouterr().err
    assert json.loads(err)["cause"] == line["cause"], "a collector of stderr reads JSON alone"


def test_a_log_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file"):
        configure_log("INFO", "text", tmp_path / "file" / "log")
