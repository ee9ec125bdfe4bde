"""The files of a folder that make up one model, found without loading any of them.

In comes a folder in the Hugging Face layout; out comes the list of files that are read when the
model is loaded. The model's root covers these files and nothing is opened besides them, so two
folders with one root compute the same. Whatever could lead elsewhere is refused: an index that
names anything but ``*.safetensors`` files beside it, links that lead out of the folder, code that
the folder brings along, an adapter that names another model. A safetensors file that the index
does not name is no part of the model: it is neither read nor covered.

Files are small or bounded here: the configuration is parsed, of tensors only the names of their
files are seen. This module imports no torch and no transformers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.errors import UserError
from assay.models.quantised import FIELD, Scheme, scheme_of

CONFIG: Final = "config.json"
GENERATION: Final = "generation_config.json"
TOKENIZER: Final = "tokenizer.json"
TOKENIZER_CONFIG: Final = "tokenizer_config.json"
WHOLE: Final = "model.safetensors"
INDEX: Final = "model.safetensors.index.json"
PARAMETERS_SUFFIX: Final = ".safetensors"
COUNTED: Final = (PARAMETERS_SUFFIX, ".json", ".model", ".txt", ".jinja", ".tiktoken")
"""Suffixes of the files that decide what a model computes. Part of the root's definition."""
FILES_MAX: Final = 4096
"""The largest sharded models have a few hundred files; a folder with more is not a model's."""
ENTRIES_MAX: Final = 65_536
"""Names that one folder may hold before it is given up: a folder of millions is not a model's."""
CONFIG_BYTES_MAX: Final = 2**20
"""A configuration takes a few KB, with many thousand added tokens some hundred."""
TEXT_BYTES_MAX: Final = 2**26
"""Of each file that is not tensors: the largest tokenizers take 34 MB, the largest index 9 MB. What
is larger would take a loader of JSON more than a few seconds and a gigabyte."""
DEPTH_MAX: Final = 32
"""Of nested objects and lists in a configuration. Real ones have five levels; deeper ones exhaust
the stack of whoever walks them."""
CUSTOM_CODE: Final = ("auto_map", "trust_remote_code", "custom_generate", "custom_pipelines")
ELSEWHERE: Final = ("transformers_weights", "configuration_files", "fast_tokenizer_files")
"""Fields by which transformers takes a file of another name for the one that stands there."""
LAYOUT: Final = "A model folder holds config.json, tokenizer.json and *.safetensors."
_SHARD: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,200}\.safetensors")
_SHOWN: Final = 5
"""Names in a message; more do not help."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one model, and what its configuration says."""

    folder: Path
    parameters: tuple[Path, ...]
    """The safetensors files, by name."""
    others: tuple[Path, ...]
    """Configuration and tokenizer, by name."""
    config: Mapping[str, Any]
    placed: Mapping[str, str] | None
    """For each tensor the file that the index says it is in; None without an index."""
    scheme: Scheme | None
    """How the weights of linear layers are quantised; None if they are not."""

    @property
    def files(self) -> list[Path]:
        """All files of the model by name, bytewise: the order of the root."""
        return sorted((*self.parameters, *self.others), key=lambda path: path.name.encode())


def read_layout(folder: Path) -> Layout:
    """Return the layout of the model in ``folder``; UserError if the folder holds no whole
    model."""
    try:
        return _read(folder)
    except OSError as error:
        raise unreadable(folder, error) from None


def unreadable(folder: Path, error: OSError) -> UserError:
    """Return the error for a folder that the disk, or its rights, keep from being read."""
    return UserError(
        f"The model in {folder} cannot be read ({error.strerror}).",
        "Give a folder whose files this user may read.",
    )


def _read(folder: Path) -> Layout:
    entries = _entries(folder)
    if CONFIG not in entries:
        raise UserError(f"{folder} is not a model folder: {CONFIG} is missing.", LAYOUT)
    config = _read_json(entries[CONFIG], CONFIG_BYTES_MAX)
    if not (isinstance(config, dict) and isinstance(config.get("model_type"), str)):
        raise UserError(f"{folder / CONFIG} names no model_type.", LAYOUT)
    _check_fields(entries[CONFIG], config)
    scheme = scheme_of(config)
    if "adapter_config.json" in entries:
        raise UserError(
            f"{folder} holds an adapter (adapter_config.json), which changes another model.",
            "Merge the adapter into its model and give the folder of the result.",
        )
    if TOKENIZER_CONFIG in entries:
        path = entries[TOKENIZER_CONFIG]
        _check_fields(path, read_object(path, TEXT_BYTES_MAX))
    placed = _placed(folder, entries)
    shards = {WHOLE} if placed is None else set(placed.values())
    others = [path for name, path in entries.items() if not name.endswith(PARAMETERS_SUFFIX)]
    for path in others:
        if path.stat().st_size > TEXT_BYTES_MAX:
            raise UserError(
                f"{path} is longer than the {TEXT_BYTES_MAX} bytes it may have.",
                "Remove the file if it is no part of the model.",
            )
    if len(others) + len(shards) > FILES_MAX:
        raise UserError(f"{folder} holds {len(entries)} files.", "Give the folder of one model.")
    return Layout(
        folder,
        tuple(entries[name] for name in sorted(shards)),
        tuple(sorted(others)),
        config,
        placed,
        scheme,
    )


def _entries(folder: Path) -> dict[str, Path]:
    """Return the regular files directly in ``folder`` that may be a model's, by name."""
    found = {}
    for number, path in enumerate(folder.iterdir()):
        if number >= ENTRIES_MAX:
            raise UserError(f"{folder} holds too many files.", "Give the folder of one model.")
        if path.suffix not in COUNTED or not path.is_file():
            continue
        if not path.name.isprintable():  # or not UTF-8, in which a root's names are
            raise UserError(f"{folder} holds the file {path.name!r}.", "Rename the file.")
        if path.is_symlink():
            _check_link(folder, path)
        found[path.name] = path
    return found


def _check_link(folder: Path, path: Path) -> None:
    """Refuse a link out of the folder, but for those of which the Hugging Face cache is made: from
    ``snapshots/REVISION/NAME`` to ``blobs/HASH`` of the same repository."""
    target, home = path.resolve(), folder.resolve()
    inside = target.parent == home
    cached = home.parent.name == "snapshots" and target.parent == home.parent.parent / "blobs"
    if not (inside or cached):
        raise UserError(
            f"{path} is a link that leads out of the model's folder.",
            "Put the file itself there: what is served must be what the folder holds.",
        )


def _placed(folder: Path, entries: Mapping[str, Path]) -> dict[str, str] | None:
    """Return which file each tensor is in, by the index; None for a model in one file."""
    if INDEX not in entries:
        if WHOLE in entries:
            return None
        pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pt"))
        raise NoParameters(
            f"{folder} has no weights in safetensors"
            + (
                " (only *.bin or *.pt, which can run code when loaded)."
                if pickled
                else f": neither {WHOLE} nor {INDEX} is there."
            ),
            "Convert them with transformers' save_pretrained." if pickled else LAYOUT,
        )
    if WHOLE in entries:
        raise UserError(
            f"{folder} holds both {WHOLE} and {INDEX}, and only one can be meant.",
            "Remove the one that is not this model's.",
        )
    path = entries[INDEX]
    placed = read_object(path, TEXT_BYTES_MAX).get("weight_map")
    if not (isinstance(placed, dict) and placed):
        raise UserError(f"{path} names no tensors.", "Fetch the model again.")
    shards = set()
    for shard in placed.values():
        if not (isinstance(shard, str) and _SHARD.fullmatch(shard)):
            raise UserError(
                f"{path} names {str(shard)[:80]!r}, which is not a safetensors file beside it.",
                "Fetch the model again from where it can be trusted.",
            )
        shards.add(shard)
    if missing := sorted(shards - entries.keys()):
        raise MissingFiles(folder, missing)
    return placed


class NoParameters(UserError):
    """The folder holds neither a file of tensors nor an index of such files."""


class MissingFiles(UserError):
    """The index names files that are not there, as where a download was cut off."""

    def __init__(self, folder: Path, missing: list[str]) -> None:
        self.missing = missing
        super().__init__(
            f"The model in {folder} is not whole: {listed(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing.",
            "Fetch what is missing, or give a folder that holds all of the model.",
        )
        self._folder = folder

    def __reduce__(self) -> tuple[type[MissingFiles], tuple[Path, list[str]]]:  # type: ignore[override]
        return type(self), (self._folder, self.missing)


def listed(names: list[str]) -> str:
    """Return ``names`` for a sentence: the first few, and how many more there are."""
    shown = ", ".join(name[:120] for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


class _Twice(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice  # readers differ in which of the two they take
    return found


def read_object(path: Path, size_bytes_max: int) -> dict[str, Any]:
    """Return the JSON object in ``path``; UserError if the file is longer than ``size_bytes_max``,
    holds another kind of value, or gives a name twice."""
    parsed = _read_json(path, size_bytes_max)
    if not isinstance(parsed, dict):
        raise UserError(f"{path} is not a JSON object.", LAYOUT)
    return parsed


def _read_json(path: Path, size_bytes_max: int) -> object:
    with path.open("rb") as stream:
        raw = stream.read(size_bytes_max + 1)
    if len(raw) > size_bytes_max:
        raise UserError(f"{path} is longer than the {size_bytes_max} bytes it may have.", LAYOUT)
    return parse_json(path, raw)


def parse_json(path: Path, raw: bytes) -> object:
    """Return the JSON value in ``raw``, which was read from ``path``; UserError if ``raw`` is not
    JSON or gives a name twice."""
    try:
        return json.loads(raw, object_pairs_hook=_once)
    except _Twice:
        raise UserError(f"{path} gives one name twice.", "Fetch the model again.") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path} is not JSON.", LAYOUT) from None


def _check_fields(path: Path, parsed: Mapping[str, Any]) -> None:
    for depth, name, value in _fields(parsed):
        if depth > DEPTH_MAX:
            raise UserError(f"{path} is nested more than {DEPTH_MAX} levels deep.", LAYOUT)
        if name in CUSTOM_CODE and value:
            raise UserError(
                f"{path} asks for code of its own ({name}), which is never run.",
                "Give a model of a kind that transformers itself knows, without that field.",
            )
        if name in ELSEWHERE and value:
            raise UserError(
                f"{path} asks for files of other names ({name}), which the root does not cover.",
                "Give the files their usual names and remove that field.",
            )
        if name == FIELD and value and depth > 1:
            raise UserError(
                f"{path} describes quantised weights of a part of the model, which are not computed"
                " here.",
                "Give the model in bf16, fp16 or fp32.",
            )


def _fields(value: object) -> Iterator[tuple[int, str, object]]:
    """Yield every field of nested objects and lists with its depth; an item of a list has no name.

    The walk stops one level below ``DEPTH_MAX``, and does not recurse.
    """
    waiting: list[tuple[int, object]] = [(1, value)]
    while waiting:
        depth, inside = waiting.pop()
        if isinstance(inside, dict):
            items = list(inside.items())
        elif isinstance(inside, list):
            items = [("", item) for item in inside]
        else:
            continue
        for name, item in items:
            yield depth, name, item
            if depth <= DEPTH_MAX:
                waiting.append((depth + 1, item))
