"""A run's folder: whole, or refused in one sentence that says what is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import transformers

from assay.errors import UserError
from assay.objects.tree import TreeBuilder
from assay.protocol.training.manifest import Manifest
from assay.training.corpus import make_corpus
from assay.training.network import FlatNetwork
from assay.training.profile import this_machine
from assay.training.run_folder import RunFolder, manifest_root
from tests.unit.subnet.training.runs import END, small_run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return small_run(tmp_path_factory.mktemp("made"))


@pytest.fixture
def copied(made: RunFolder, tmp_path: Path) -> Path:
    shutil.copytree(made.path, tmp_path / "copied")
    return tmp_path / "copied"


def test_a_run_is_opened_as_it_was_made(made: RunFolder, copied: Path) -> None:
    opened = RunFolder.open(copied, made.root)
    assert opened.manifest == made.manifest
    assert opened.root == made.root
    tree = TreeBuilder()
    tree.add((copied / "manifest").read_bytes())
    assert tree.finish()[1].root == made.root
    assert {path.name for path in opened.files} == {
        "config.json", "generation_config.json", "model.safetensors", "train.bin", "held.bin",
        "index.json", "manifest",
    }  # fmt: skip
    assert all(path.is_file() for path in opened.files)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def other_manifest(run: Path) -> None:
    manifest = Manifest.parse((run / "manifest").read_bytes())
    (run / "manifest").write_bytes(msgspec.structs.replace(manifest, name="other").pack())


HARMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda run: (run / "manifest").unlink(), "There is no run"),
    "no manifest's form": (lambda run: (run / "manifest").write_bytes(b"\x00"), "manifest cannot"),
    "too long": (lambda run: (run / "manifest").write_bytes(bytes(70_000)), "longer than"),
    "another run": (other_manifest, "holds the run"),
    "a changed number": (lambda run: flip(run / "model" / "model.safetensors"), "its model"),
    "no parameters": (lambda run: (run / "model" / "model.safetensors").unlink(), "safetensors"),
    "no model": (lambda run: shutil.rmtree(run / "model"), "model"),
    "a changed token": (lambda run: flip(run / "corpus" / "train.bin"), "corpus"),
    "no corpus": (lambda run: shutil.rmtree(run / "corpus"), "no corpus"),
}


@pytest.mark.parametrize("name", HARMS)
def test_a_run_that_is_not_whole_is_refused(made: RunFolder, copied: Path, name: str) -> None:
    harm, words = HARMS[name]
    harm(copied)
    with pytest.raises(UserError, match=words):
        RunFolder.open(copied, made.root)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"context": 64}, "do not fit into the model"),
        ({"batch": 60_000}, "fewer than one step"),
    ],
)
def test_parts_that_do_not_fit_together_are_no_run(
    made: RunFolder, tmp_path: Path, changes: dict[str, int], words: str
) -> None:
    data = msgspec.structs.replace(made.manifest.data, **changes)
    terms = msgspec.structs.replace(made.manifest, data=data)
    with pytest.raises(UserError, match=words):
        RunFolder.create(tmp_path / "run", terms, made.model, made.path / "corpus")
    assert not (tmp_path / "run").exists()


def test_tokens_that_the_model_does_not_know_are_no_run(made: RunFolder, tmp_path: Path) -> None:
    texts = [(f"text-{n}", "abc" * 200 + str(n)) for n in range(48)]
    make_corpus(
        tmp_path / "corpus", texts, lambda text: [ord(c) for c in text], end=END, vocabulary=128
    )
    with pytest.raises(UserError, match="128 kinds of tokens, the model 64"):
        RunFolder.create(tmp_path / "run", made.manifest, made.model, tmp_path / "corpus")


def test_terms_that_contradict_themselves_are_no_run(made: RunFolder, tmp_path: Path) -> None:
    inner = msgspec.structs.replace(made.manifest.inner, boundaries=6)
    terms = msgspec.structs.replace(made.manifest, inner=inner)
    with pytest.raises(UserError, match="fewer states on the way"):
        RunFolder.create(tmp_path / "run", terms, made.model, made.path / "corpus")


def test_a_quantised_model_is_no_run(made: RunFolder, copied: Path, tmp_path: Path) -> None:
    config = copied / "model" / "config.json"
    told = json.loads(config.read_text()) | {
        "quantization_config": {
            "quant_method": "compressed-tensors",
            "format": "pack-quantized",
            "config_groups": {
                "group_0": {
                    "targets": ["Linear"],
                    "weights": {
                        "num_bits": 4, "type": "int", "symmetric": True, "strategy": "group",
                        "group_size": 32,
                    },
                }
            },
        }
    }  # fmt: skip
    config.write_text(json.dumps(told))
    with pytest.raises(UserError, match="quantised"):
        RunFolder.create(tmp_path / "run", made.manifest, copied / "model", made.path / "corpus")


def test_a_folder_that_is_there_is_not_written_into(made: RunFolder) -> None:
    with pytest.raises(UserError, match="there already"):
        RunFolder.create(made.path, made.manifest, made.model, made.path / "corpus")


def test_a_manifest_that_is_too_long_has_no_root() -> None:
    with pytest.raises(ValueError, match="at most"):
        manifest_root(bytes(2**17))


def test_this_machine_computes_with_the_torch_that_is_here(made: RunFolder) -> None:
    machine = this_machine(threads=2)
    assert machine.threads == 2
    assert machine.device == "cpu"
    Manifest.parse(msgspec.structs.replace(made.manifest, machine=machine).pack())


def test_a_model_with_dropout_computes_without_it() -> None:
    config = transformers.GPT2Config(
        vocab_size=64, n_positions=16, n_embd=8, n_layer=1, n_head=2,
        resid_pdrop=0.5, embd_pdrop=0.5, attn_pdrop=0.5,
    )  # fmt: skip
    network = FlatNetwork(transformers.GPT2LMHeadModel(config))
    assert not any(module.training for module in network.network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters.values())
