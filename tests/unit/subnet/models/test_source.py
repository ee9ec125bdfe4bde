"""What may stand after --model, and the one sentence that a wrong one gets."""

from __future__ import annotations

import resource
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from assay.errors import Unavailable, UserError
from assay.models.root import model_root
from assay.models.source import DEMO, resolve
from tests.unit.subnet.models.folders import SHARDS, sharded


def folder(path: Path, **files: str) -> Path:
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name.replace("_", ".", 1)).write_text(text)
    return path


def test_the_demo_ships_and_is_small() -> None:
    demo = resolve(DEMO)
    size = sum(path.stat().st_size for path in demo.iterdir())
    assert 1_000_000 < size < 20_000_000
    for name in ("config.json", "generation_config.json", "tokenizer.json"):
        assert (demo / name).is_file()


def test_the_docs_are_about_the_weights_that_ship() -> None:
    page = Path(__file__).parents[4] / "docs" / "demo-model.md"
    assert model_root(resolve(DEMO)).hex() in page.read_text(encoding="utf-8")


def test_a_good_folder_is_itself(tmp_path: Path) -> None:
    good = folder(tmp_path / "m", config_json='{"model_type": "llama"}', model_safetensors="x")
    assert resolve(str(good)) == good


@pytest.mark.parametrize(
    ("files", "cause"),
    [
        ({}, "config.json is missing"),
        ({"config_json": "{"}, "is not JSON"),
        ({"config_json": "[]"}, "names no model_type"),
        ({"config_json": "[" * 100_000}, "is not JSON"),
        ({"config_json": '{"model_type": "llama"}'}, "no weights in safetensors"),
        ({"config_json": '{"model_type": "llama"}', "model_bin": "x"}, "can run code"),
    ],
)
def test_a_folder_that_is_none_says_why(files: dict[str, str], cause: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=cause) as caught:
        resolve(str(folder(tmp_path / "m", **files)))
    assert caught.value.exit_code == 2
    assert caught.value.cure


@pytest.mark.parametrize(
    "reference",
    ["./nowhere", "/no/such/folder", "~/no such folder", "~no-such-user/m", "/" + "x" * 5_000],
)
def test_a_missing_folder(reference: str) -> None:
    with pytest.raises(UserError, match="There is no model folder"):
        resolve(reference)


@pytest.mark.parametrize("reference", ["a b", "x/y/z", "", "--model"])
def test_neither_a_folder_nor_an_id(reference: str) -> None:
    with pytest.raises(UserError, match="neither a folder nor a model id"):
        resolve(reference)


@pytest.mark.inference
def test_an_id_that_cannot_be_fetched_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants as hub

    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(Unavailable, match="is not on this machine and could not be fetched"):
        resolve("assay-test/no-such-model")


@pytest.mark.inference
@pytest.mark.parametrize("home", ["", "relative"])
def test_without_a_home_folder_nothing_is_fetched_into_another(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", home)
    for variable in ("XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(UserError) as told:
        resolve("nobody/nothing")
    assert "HOME names no folder" in told.value.cause
    assert "HF_HOME" in told.value.cure
    with pytest.raises(UserError, match="There is no model folder ~/m"):
        resolve("~/m")  # not /m, nor ./relative/m
    assert not list(tmp_path.iterdir())


def test_the_packages_import_no_torch() -> None:
    code = (
        "import sys, assay.miners.inference, assay.validators.inference\n"
        "import assay.lab.cheats, assay.lab.faults\n"
        "heavy = {'torch', 'transformers', 'tokenizers', 'huggingface_hub'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_reference_too_long_to_be_anything_is_refused() -> None:
    with pytest.raises(UserError, match="neither a folder nor a model id") as caught:
        resolve("x" * 5_000)
    assert len(caught.value.cause) < 300


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    whole = folder(tmp_path / "m", config_json='{"model_type": "llama"}', model_safetensors="x")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))  # no file can be opened
    try:
        with pytest.raises(UserError, match="cannot be read"):
            resolve(str(whole))
        with pytest.raises(UserError, match="cannot be read"):
            model_root(whole)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.inference
def test_a_snapshot_in_the_cache_that_is_not_whole_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants as hub

    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path))
    repository, revision = tmp_path / "models--assay-test--cut-off", "0" * 40
    snapshot = sharded(repository / "snapshots" / revision)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)
    assert resolve("assay-test/cut-off") == snapshot
    (snapshot / SHARDS[1]).unlink()
    with pytest.raises(UserError, match=f"is not whole: {SHARDS[1]} is missing"):
        resolve("assay-test/cut-off")


@pytest.mark.inference
def test_of_a_repository_only_the_models_own_files_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a hub in a folder that serves as ``snapshot_download`` says it does."""
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    served = sharded(tmp_path / "served")
    (served / "consolidated.safetensors").write_bytes(b"all of it once more")
    here = tmp_path / "snapshots" / ("0" * 40)

    def snapshot_download(
        name: str,
        *,
        allow_patterns: list[str],
        revision: str | None = None,
        local_files_only: bool = False,
    ) -> str:
        assert (name, revision) in {("a/b", None), ("a/b", here.name)}
        if local_files_only:
            raise LocalEntryNotFoundError("not here")
        here.mkdir(parents=True, exist_ok=True)
        for path in served.iterdir():
            if any(fnmatch(path.name, pattern) for pattern in allow_patterns):
                (here / path.name).write_bytes(path.read_bytes())
        return str(here)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert model_root(resolve("a/b")) == model_root(served)
    assert not (here / "consolidated.safetensors").exists()
