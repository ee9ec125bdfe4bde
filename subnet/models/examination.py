"""A look at a stranger's model folder in a child process that may fail, hang or die.

In comes a folder; out comes nothing, or one UserError. Configuration and tokenizer are a
stranger's, and libraries build from them whatever they describe: a million layers, a vocabulary
that fills the memory, a text that each character of a prompt grows to. The child builds them under
limits of processor time and memory, with no tensor read, and says what went wrong. Only a folder
that passed is then loaded in the neuron's own process.

The child runs this file as a program, and says on its standard output, as one JSON object, what is
wrong with the folder.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import resource
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.errors import UserError
from assay.models.layout import TEXT_BYTES_MAX, TOKENIZER, Layout, read_layout, read_object

CPU_S_MAX: Final = 15
"""Processor seconds for one folder, with the libraries loaded before. The largest models in use
take five; with more, an operator waits longer for a refusal."""
MEMORY_BYTES_MAX: Final = 2**32
"""Beyond what the libraries take. A tokenizer of 34 MB, the largest in use, takes one gigabyte
while it is read; more could drive the neurons beside it out of a small machine's memory."""
WAIT_S_MAX: Final = 300.0
"""Until the child is given up. It loads torch, which takes a minute on a machine that is busy."""
MISSING_NUMBERS_MAX: Final = 2**26
"""How many numbers the kind may need beyond those in the files: these tensors are then named one by
one when the model is loaded, which takes four bytes each. With more, the load itself could fill
the memory."""
GROWTH_MAX: Final = 64
"""Tokens for each byte of a text. Tokenizers in use have at most one, and a few at the ends; with
more, a prompt that the wire lets in could fill the memory."""
REPLACED_MAX: Final = 1024
"""Bytes that the tokenizer's replacements may make of one, all of them together, by the lengths
that they name. Those in use have a few that make three bytes of a blank."""
CONTEXT_TOKENS: Final = (2, 2**28)
"""A prompt's token and an answer's at least; at most a hundred times the longest context in use."""
PROBES: Final = (
    "".join(map(chr, range(32, 127))),
    "def main(argv):\n\treturn  [0, 0.5, 'a' * 7]\r\n\n",
    "a" * 200,
    " " * 200,
    "ÄÖß – “日本語” кириллица العربية 🙂\u200d\ufffd\x00",
)
"""Texts that the tokenizer is tried with: every character of ASCII, and some of what is beyond."""


@dataclass(frozen=True, slots=True)
class ExaminationLimits:
    """What the child may take for one folder, beyond what the libraries take."""

    cpu_s: int = CPU_S_MAX
    memory_bytes: int = MEMORY_BYTES_MAX
    wait_s: float = WAIT_S_MAX


async def examine(folder: Path, limits: ExaminationLimits = ExaminationLimits()) -> None:
    """Examine the model in ``folder``; UserError if it cannot be loaded within ``limits``."""
    # One thread each: their stacks count as memory, and nobody waits for a faster answer.
    threads = {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "assay.models.examination"),
        *(str(folder), str(limits.cpu_s), str(limits.memory_bytes)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **threads, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"},
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(limits.wait_s):
            said = await child.stdout.read()
            code = await child.wait()
    except TimeoutError:
        raise _beyond(folder, f"takes more than {limits.wait_s:g} s to read") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    _judge(folder, limits, said, code)


def _judge(folder: Path, limits: ExaminationLimits, said: bytes, code: int) -> None:
    """Raise what the child said, or what its end says."""
    if code == 0:
        return
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        raise _beyond(folder, f"takes more than {limits.cpu_s} s of processor time to read")
    with suppress(ValueError, KeyError, TypeError):
        told = json.loads(said)
        raise UserError(str(told["cause"]), str(told["cure"]))
    raise _beyond(folder, f"takes more than {limits.memory_bytes / 2**30:g} GiB to read")


def _beyond(folder: Path, what: str) -> UserError:
    return UserError(
        f"The model in {folder} {what}.",
        "Check its config.json and tokenizer.json: a number in them is far too large.",
    )


def look(folder: Path) -> None:
    """Build what ``folder`` describes, without its tensors; UserError if it cannot be built.

    Runs in the child: it may take all the time and memory that there are.
    """
    import torch

    from assay.models.packed import PACKED, numbers_per_word
    from assay.models.parameters import configuration, network_class, stored
    from assay.models.tokens import ends_of, refusing_folder

    layout = read_layout(folder)
    with refusing_folder(folder):
        tensors = stored(layout)
        held = sum(
            one.numbers * (numbers_per_word(layout.scheme) if name.endswith(PACKED) else 1)
            for name, one in tensors.items()
        )
        config = configuration(layout)
        text = config.get_text_config()
        if (layers := getattr(text, "num_hidden_layers", 0)) > len(tensors):
            raise ValueError(
                f"{str(layers)[:12]} layers are named, and {len(tensors)} tensors held"
            )
        with torch.device("meta"):
            network = network_class(config)(config)
        needed = sum(int(one.numel()) for one in network.parameters())
        if needed > held + MISSING_NUMBERS_MAX:
            raise ValueError(f"its kind needs {needed:,} numbers, and its files hold {held:,}")
        ends_of(getattr(text, "eos_token_id", None))
        context = getattr(text, "max_position_embeddings", None)
        low, high = CONTEXT_TOKENS
        if context is not None and not low <= context <= high:
            raise ValueError(f"a context of {context} tokens lies outside {low} to {high}")
        _check_replacements(layout)
        _probe(folder, text.vocab_size)


def _probe(folder: Path, vocabulary: int) -> None:
    """Cut a few texts with the folder's tokenizer; ValueError for what no model could take."""
    from assay.models.tokens import Tokens

    tokens = Tokens.load(folder)
    for probe in PROBES:
        ids = tokens.encode(probe)
        if len(ids) > GROWTH_MAX * len(probe.encode()):
            raise ValueError(f"its tokenizer makes {len(ids)} tokens of {len(probe)} characters")
        if max(ids) >= vocabulary:
            raise ValueError(f"its tokenizer makes the token {max(ids)} of {vocabulary}")


def _check_replacements(layout: Layout) -> None:
    """Refuse a tokenizer.json whose replacements lengthen a text beyond measure. The probes cannot
    show that: a replacement may wait for a character that none of them holds."""
    path = layout.folder / TOKENIZER
    if path not in layout.others:
        return
    rules = read_object(path, TEXT_BYTES_MAX)
    for part in ("normalizer", "decoder"):
        grown = 1.0
        for step in _steps(rules.get(part)):
            if step.get("type") == "Replace":
                grown *= _grows(step)
            if grown > REPLACED_MAX:
                raise ValueError(f"its {part}'s replacements make one character very many")


def _steps(rule: object) -> Iterator[Mapping[str, Any]]:
    """Every object nested in ``rule``: a step, or a sequence of steps."""
    waiting = [rule]
    while waiting:
        inside = waiting.pop()
        if isinstance(inside, dict):
            yield inside
            waiting += inside.values()
        elif isinstance(inside, list):
            waiting += inside


def _grows(step: Mapping[str, Any]) -> float:
    """How many bytes a replacement makes of one; an expression may match between any two."""
    content = len(str(step.get("content")).encode())
    pattern = step.get("pattern")
    plain = pattern.get("String") if isinstance(pattern, dict) else None
    if isinstance(plain, str) and plain:
        return max(1.0, content / len(plain.encode()))
    return 1.0 + content


def _limit(cpu_s: int, memory_bytes: int) -> None:
    """Bound what this process may take from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime) + cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # a system that counts no address space
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _main(folder: str, cpu_s: str, memory_bytes: str) -> int:
    # The libraries may print; what is said to the parent goes by a descriptor of its own.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        from assay.models import language

        language.quiet()
        _limit(int(cpu_s), int(memory_bytes))
        look(Path(folder))
    except UserError as error:
        json.dump({"cause": error.cause, "cure": error.cure}, out)
        out.flush()
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
