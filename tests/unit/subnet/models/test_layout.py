"""Which files of a folder are the model, and what may not lead anywhere else."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.errors import UserError
from assay.models.layout import INDEX, WHOLE, MissingFiles, read_layout
from assay.models.root import model_root
from tests.unit.subnet.models.folders import SHARDS, demo_copy, edit, sharded

FIELDS = "weight_map"


def test_the_files_of_a_sharded_model_are_those_that_its_index_names(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "m")
    before = model_root(folder)
    (folder / "consolidated.safetensors").write_bytes(b"a decoy")
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    layout = read_layout(folder)
    assert [path.name for path in layout.parameters] == sorted(SHARDS)
    assert {path.name for path in layout.others} == {
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        INDEX,
    }
    assert model_root(folder) == before, "what is not read does not count"


def points_at(name: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        edit(folder / INDEX, lambda index: index[FIELDS].update({"model.norm.weight": name}))

    return change


@pytest.mark.parametrize(
    "name",
    [
        "weights.bin",
        "weights.pt",
        "../w.safetensors",
        "sub/w.safetensors",
        "sub\\w.safetensors",
        "/tmp/w.safetensors",
        "..safetensors/../w.safetensors",
        ".safetensors",
        ".hidden.safetensors",
        "w.safetensors\n",
        "w.safetensors\0",
        "w.SAFETENSORS",
        "",
        5,
        None,
        ["w.safetensors"],
    ],
)
def test_an_index_names_only_safetensors_files_beside_it(name: object, tmp_path: Path) -> None:
    folder = sharded(tmp_path / "m")
    for decoy in ("weights.bin", "weights.pt"):
        (folder / decoy).write_bytes(b"a pickle")
    (folder.parent / "w.safetensors").write_bytes(b"outside")
    points_at(name)(folder)
    with pytest.raises(UserError, match="not a safetensors file beside it") as told:
        model_root(folder)
    assert "\n" not in told.value.cause


def test_a_shard_that_did_not_arrive_is_named_before_there_is_a_root(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "m")
    (folder / SHARDS[1]).unlink()
    with pytest.raises(MissingFiles, match=SHARDS[1]) as told:
        model_root(folder)
    assert told.value.missing == [SHARDS[1]]


def test_a_shard_whose_blob_is_gone_did_not_arrive(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "m")
    (folder / SHARDS[0]).unlink()
    (folder / SHARDS[0]).symlink_to(tmp_path / "blobs" / "gone")
    with pytest.raises(MissingFiles, match=SHARDS[0]):
        read_layout(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", WHOLE])
def test_no_link_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    folder = demo_copy(tmp_path / "m")
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="leads out of the model's folder"):
        read_layout(folder)


def test_a_folder_that_is_itself_reached_by_a_link_is_as_good(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(demo_copy(tmp_path / "m"))
    assert model_root(tmp_path / "link") == model_root(tmp_path / "m")


def test_the_hub_caches_own_links_lead_to_its_blobs(tmp_path: Path) -> None:
    folder = demo_copy(tmp_path / "models--a--b" / "snapshots" / "0123")
    before = model_root(folder)
    blobs = folder.parent.parent / "blobs"
    blobs.mkdir()
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(blobs / str(number))
        path.symlink_to(os.path.relpath(blobs / str(number), folder))
    assert model_root(folder) == before


def both(folder: Path) -> None:
    (folder / WHOLE).write_bytes((folder / SHARDS[0]).read_bytes())


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (both, "only one can be meant"),
        (lambda f: (f / INDEX).write_text('{"weight_map": {}}'), "names no tensors"),
        (lambda f: (f / INDEX).write_text('{"weight_map": []}'), "names no tensors"),
        (lambda f: (f / INDEX).write_text("[]"), "not a JSON object"),
        (lambda f: (f / INDEX).write_text("[" * 100_000), "is not JSON"),
        (
            lambda f: (f / INDEX).write_text('{"weight_map": {"a": "x.safetensors", "a": "y"}}'),
            "one name twice",
        ),
        (lambda f: (f / "adapter_config.json").write_text("{}"), "holds an adapter"),
        (lambda f: (f / "b\udcff.json").write_text("{}"), "holds the file"),
        (lambda f: (f / "a\nb.json").write_text("{}"), "holds the file"),
        (lambda f: os.truncate(f / "tokenizer.json", 2**26 + 1), "may have"),
        (lambda f: os.truncate(f / "config.json", 2**20 + 1), "may have"),
    ],
)
def test_a_folder_that_is_ambiguous_or_endless_is_refused(
    change: Callable[[Path], object], cause: str, tmp_path: Path
) -> None:
    folder = sharded(tmp_path / "m")
    change(folder)
    with pytest.raises(UserError, match=cause):
        model_root(folder)


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [{"a": value}]
    return value


@pytest.mark.parametrize(
    ("file", "fields", "cause"),
    [
        ("config.json", {"auto_map": {"AutoModel": "modeling.Mine"}}, "code of its own"),
        ("config.json", {"text_config": {"auto_map": {"AutoModel": "m.M"}}}, "code of its own"),
        ("tokenizer_config.json", {"auto_map": ["tok.Mine", None]}, "code of its own"),
        ("config.json", {"trust_remote_code": True}, "code of its own"),
        ("config.json", {"transformers_weights": "other.safetensors"}, "files of other names"),
        ("config.json", {"configuration_files": ["config.4.0.0.json"]}, "files of other names"),
        ("tokenizer_config.json", {"fast_tokenizer_files": ["../tokenizer.4.json"]}, "other names"),
        ("config.json", {"quantization_config": {"quant_method": "fp8"}}, "quantised"),
        ("config.json", {"text_config": {"quantization_config": {"a": 1}}}, "quantised"),
        ("config.json", {"deep": nested(20)}, "levels deep"),
        ("config.json", {"deep": nested(200)}, "levels deep"),
        ("config.json", {"model_type": 5}, "names no model_type"),
    ],
)
def test_a_configuration_leads_nowhere_else(
    file: str, fields: dict[str, object], cause: str, tmp_path: Path
) -> None:
    folder = demo_copy(tmp_path / "m")
    edit(folder / file, lambda content: content.update(fields))
    began = time.process_time()
    with pytest.raises(UserError, match=cause):
        read_layout(folder)
    assert time.process_time() - began < 5


def test_what_says_nothing_is_let_pass(tmp_path: Path) -> None:
    folder = demo_copy(tmp_path / "m")
    empty = {"auto_map": None, "quantization_config": None, "trust_remote_code": False}
    edit(folder / "config.json", lambda config: config.update(empty))
    assert read_layout(folder).config["auto_map"] is None


def test_a_folder_with_millions_of_files_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.models import layout

    folder = demo_copy(tmp_path / "m")
    monkeypatch.setattr(layout, "ENTRIES_MAX", 3)
    with pytest.raises(UserError, match="too many files"):
        read_layout(folder)


def test_an_error_survives_the_way_between_processes() -> None:
    import copy

    error = MissingFiles(Path("/m"), ["a.safetensors", "b.safetensors"])
    again = copy.copy(error)
    assert (str(again), again.missing) == (str(error), error.missing)
    assert json.dumps(again.missing)
