"""The hash chain: links follow one another, none is drawn from twice, and a crash leaks none."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from assay.errors import UserError
from assay.neuron import seeds
from assay.neuron.seeds import LINKS, Seeds, follows, target_rng, turn_rng, turn_seed
from assay.types import BlockNumber, ss58_encode

HASH = b"\x22" * 32


def open_seeds(folder: Path) -> Seeds:
    return Seeds(folder / "seeds.json", new_secret=lambda: b"\x07" * 32)


def test_each_tip_reveals_what_the_epoch_before_was_drawn_from(tmp_path: Path) -> None:
    chain = open_seeds(tmp_path)
    tips, drawn = [chain.advance()], []
    for _ in range(5):
        drawn.append(chain.turn_seed(HASH, 9))
        tips.append(chain.advance())
    for before, after, seed in zip(tips[:-1], tips[1:], drawn, strict=True):
        assert follows(after, before)
        assert turn_seed(after, HASH, 9) == seed


def test_the_first_link_is_the_secrets_hash_so_many_times_over(tmp_path: Path) -> None:
    link = sha256(b"assay/seed-chain/1" + b"\x07" * 32 + bytes(8)).digest()
    for _ in range(LINKS):
        link = sha256(link).digest()
    chain = open_seeds(tmp_path / "in" / "no" / "folder" / "yet")
    assert chain.tip == link, "what the chain should show before anything was given out"
    with pytest.raises(ValueError, match="no link was given out"):
        chain.turn_seed(HASH, 1)  # it would be drawn from the link that goes out next
    assert chain.advance() == link


def test_periods_count_the_links_that_were_given_out(tmp_path: Path) -> None:
    chain = open_seeds(tmp_path)
    assert chain.period == 0
    for period in range(1, 4):
        tip = chain.advance()
        assert chain.period == period
        before, link = chain.of_period(period)
        assert before == tip
        assert turn_seed(link, HASH, 3) == chain.turn_seed(HASH, 3)


def test_the_formula_is_the_documented_one() -> None:
    link = b"\x01" * 32
    seed = sha256(b"assay/turn/1" + link + HASH + (5).to_bytes(8, "little")).digest()
    assert turn_seed(link, HASH, 5) == seed
    key = bytes([9]) * 32
    of_target = sha256(seed + key).digest()
    assert target_rng(seed, ss58_encode(key)).random() == turn_rng(of_target).random()


def test_a_turn_waits_for_a_block_behind_the_one_that_shows_the_tip(tmp_path: Path) -> None:
    chain = open_seeds(tmp_path)
    chain.seen(BlockNumber(3))
    assert not chain.ready(BlockNumber(99)), "nothing was given out yet"
    chain.advance()
    assert not chain.ready(BlockNumber(99))
    chain.seen(BlockNumber(7))
    chain.seen(BlockNumber(9))
    assert not chain.ready(BlockNumber(7))
    assert chain.ready(BlockNumber(8))
    chain.advance()
    assert not chain.ready(BlockNumber(100)), "the new tip must be seen as well"


def test_a_restart_goes_on_where_the_file_says(tmp_path: Path) -> None:
    chain = open_seeds(tmp_path)
    chain.advance()
    chain.advance()
    chain.seen(BlockNumber(4))
    again = Seeds(tmp_path / "seeds.json", new_secret=lambda: pytest.fail("there is a secret"))
    assert (again.tip, again.turn_seed(HASH, 1)) == (chain.tip, chain.turn_seed(HASH, 1))
    assert again.ready(BlockNumber(5))


def test_a_link_is_given_up_on_disk_before_anybody_can_see_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between the two may skip a link; it must never draw from one that was sent."""
    chain = open_seeds(tmp_path)
    chain.advance()

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(seeds, "write_atomic", full)
    before = chain.tip
    with pytest.raises(OSError, match="full"):
        chain.advance()
    assert chain.tip == before


def test_a_used_up_chain_is_followed_by_another(tmp_path: Path) -> None:
    chain = open_seeds(tmp_path)
    chain.advance()
    path = tmp_path / "seeds.json"
    state = msgspec.json.decode(path.read_bytes(), type=seeds.SeedState)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(state, published=LINKS - 3)))
    chain = open_seeds(tmp_path)
    before = chain.tip
    last = chain.advance()
    assert follows(last, before), "one link before the end it is still the same chain"
    chain.turn_seed(HASH, 1)
    new = chain.advance()
    assert not follows(new, last)
    assert chain.of_period(chain.period)[0] == new
    tip, link = chain.of_period(chain.period - 1)
    assert tip == last
    assert follows(link, last)
    chain.turn_seed(HASH, 1)
    assert follows(chain.advance(), new)


def test_a_damaged_file_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "seeds.json"
    path.write_bytes(b'{"secret": 1}')
    with pytest.raises(UserError, match="cannot be read"):
        open_seeds(tmp_path)
    assert path.read_bytes() == b'{"secret": 1}'


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    open_seeds(tmp_path)
    assert (tmp_path / "seeds.json").stat().st_mode & 0o077 == 0


def test_a_new_secret_counts_on_from_the_periods_before_it(tmp_path: Path) -> None:
    chain = Seeds(tmp_path / "seeds.json", new_secret=lambda: b"\x08" * 32, newest_period=7)
    assert chain.period == 0, "nothing was given out yet"
    tip = chain.advance()
    assert chain.period == 8
    assert chain.of_period(8)[0] == tip
    assert not chain.has_period(7)
    with pytest.raises(ValueError, match="earlier secret"):
        chain.of_period(7)


def test_an_older_copy_goes_on_behind_the_receipts(tmp_path: Path) -> None:
    chain = open_seeds(tmp_path)
    chain.advance()
    copy = (tmp_path / "seeds.json").read_bytes()
    given_out = [chain.advance() for _ in range(4)]
    (tmp_path / "seeds.json").write_bytes(copy)
    again = Seeds(tmp_path / "seeds.json", new_secret=bytes, newest_period=5)
    assert again.tip == given_out[-1]
    assert again.period == 5


def test_an_older_copy_goes_on_at_the_link_that_the_chain_shows(tmp_path: Path) -> None:
    chain = open_seeds(tmp_path)
    chain.advance()
    copy = (tmp_path / "seeds.json").read_bytes()
    given_out = [chain.advance() for _ in range(4)]
    (tmp_path / "seeds.json").write_bytes(copy)
    again = open_seeds(tmp_path)
    again.catch_up(given_out[2])
    assert again.tip == given_out[2]
    assert again.turn_seed(HASH, 1) == turn_seed(given_out[3], HASH, 1)
    again.catch_up(given_out[0])
    again.catch_up(b"\x09" * 32)
    again.catch_up(None)
    assert again.tip == given_out[2], "nothing goes back, and nobody else's link is taken"
