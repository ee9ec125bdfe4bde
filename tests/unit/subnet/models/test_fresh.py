"""A new model's folder: whole, the same for the same seed, and loaded like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from assay.errors import UserError  # noqa: E402
from assay.models.fresh import SIZES, make_model  # noqa: E402
from assay.models.layout import read_layout  # noqa: E402
from assay.models.parameters import load_network  # noqa: E402
from assay.models.root import model_root  # noqa: E402
from assay.models.source import resolve  # noqa: E402
from assay.models.tokens import Tokens  # noqa: E402

pytestmark = pytest.mark.inference


def test_the_same_seed_makes_the_same_model(tmp_path: Path) -> None:
    demo = resolve("demo")
    before = torch.get_rng_state()
    roots = [
        model_root(make_model(tmp_path / name, "0.2M", demo, seed=seed))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert roots[0] == roots[1] != roots[2]
    assert torch.equal(before, torch.get_rng_state()), "whoever drew numbers before goes on"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]


@pytest.mark.parametrize(("size", "numbers"), [("0.2M", 200_000), ("1M", 1_000_000)])
def test_a_size_is_what_its_name_says_and_knows_the_tokenizer(
    size: str, numbers: int, tmp_path: Path
) -> None:
    folder = make_model(tmp_path / "m", size, resolve("demo"), seed=1)
    network = load_network(read_layout(folder))
    assert sum(one.numel() for one in network.parameters()) == pytest.approx(numbers, rel=0.15)
    text = "import os\n\ndef walk(top):\n"
    tokens = Tokens.load(folder)
    assert tokens.encode(text) == Tokens.load(resolve("demo")).encode(text)
    assert tokens.ends == {network.generation_config.eos_token_id}
    assert max(tokens.encode(text)) < network.config.vocab_size
    assert size in SIZES


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine").touch()
    with pytest.raises(UserError, match="is there already"):
        make_model(tmp_path / "m", "0.2M", resolve("demo"), seed=1)
    assert [path.name for path in (tmp_path / "m").iterdir()] == ["mine"]
