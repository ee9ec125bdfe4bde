"""The sampler's noise against a slow Philox of our own, which is held to Random123's vectors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.scoring.inference.sampling import (
    GREEDY,
    POSITIONS_MAX,
    Sampling,
    adjust,
    candidates,
    choose,
    gumbel_noise,
    perturb,
)

MASK = 2**64 - 1


def philox4x64(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """Ten rounds, written from the paper's description."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2E7470EE14C6C93 * c0, 0xCA5A826395121157 * c2
        c0, c1, c2, c3 = (p1 >> 64) ^ c1 ^ k0, p1 & MASK, (p0 >> 64) ^ c3 ^ k1, p0 & MASK
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & MASK, (k1 + 0xBB67AE8584CAA73B) & MASK
    return c0, c1, c2, c3


def slow_noise(key: bytes, position: int, size: int) -> list[float]:
    words = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    values = []
    for token in range(size):
        word = philox4x64((1 + token // 4, position, 0, 0), words)[token % 4]
        uniform = ((word >> 11) + 0.5) / 2**53
        values.append(-math.log(-math.log(uniform)))
    return values


def test_the_slow_generator_has_the_published_vectors() -> None:
    # Random123's kat_vectors, philox4x64 with 10 rounds.
    assert philox4x64((0, 0, 0, 0), (0, 0)) == (
        0x16554D9ECA36314C,
        0xDB20FE9D672D0FDC,
        0xD7E772CEE186176B,
        0x7E68B68AEC7BA23B,
    )
    assert philox4x64((MASK,) * 4, (MASK,) * 2) == (
        0x87B092C3013FE90B,
        0x438C3C67BE8D0224,
        0x9CC7D7C69CD777B6,
        0xA09CAEBF594F0BA0,
    )


@pytest.mark.parametrize("position", [0, 1, 47, POSITIONS_MAX - 1])
def test_noise_equals_the_slow_generators(position: int) -> None:
    key = bytes(range(16))
    fast = gumbel_noise(key, position, 101)
    # The uniforms are equal bit for bit; two libraries' logarithms may differ in the last place.
    np.testing.assert_allclose(fast, slow_noise(key, position, 101), rtol=1e-14, atol=1e-14)


def test_noise_of_a_token_does_not_depend_on_the_vocabularys_size() -> None:
    key = b"k" * 16
    np.testing.assert_array_equal(gumbel_noise(key, 3, 10), gumbel_noise(key, 3, 5000)[:10])


def test_noise_differs_by_key_and_position() -> None:
    seen = {
        gumbel_noise(key, position, 1)[0]
        for key in (bytes(16), bytes(15) + b"\1", b"\1" + bytes(15))
        for position in range(4)
    }
    assert len(seen) == 12


def test_drawn_tokens_follow_the_softmax() -> None:
    logits = np.array([2.0, 1.0, 0.0, -1.0], dtype=np.float32)
    temperature = 0.7
    draws = 4000
    counts = np.bincount(
        [choose(logits, Sampling(temperature), b"softmax in check", i) for i in range(draws)],
        minlength=4,
    )
    expected = np.exp(logits / temperature)
    expected *= draws / expected.sum()
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert chi_square < 16.27  # 0.1 % of honest samplers lie above it, at 3 degrees of freedom


def test_temperature_zero_takes_the_largest_and_the_smallest_id_on_a_tie() -> None:
    logits = np.array([1.0, 3.0, 3.0, 0.0], dtype=np.float32)
    assert choose(logits, GREEDY, bytes(16), 0) == 1
    np.testing.assert_array_equal(perturb(logits.astype(np.float64), 0.0, bytes(16), 0), logits)


@pytest.mark.parametrize(
    ("key", "position", "why"),
    [
        (b"short", 0, "16 bytes, not 5"),
        (bytes(24), 0, "16 bytes, not 24"),
        (bytes(16), -1, "position -1"),
        (bytes(16), 2**32, "position 4294967296"),
    ],
)
def test_what_is_out_of_bounds_is_refused(key: bytes, position: int, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        gumbel_noise(key, position, 4)


LOGITS = np.array([2.0, 1.0, 1.0, 0.0, -3.0], dtype=np.float32)


@pytest.mark.parametrize(
    ("sampling", "kept"),
    [
        (Sampling(), [0, 1, 2, 3, 4]),
        (Sampling(0.0, top_k=1, top_p=0.0), [0, 1, 2, 3, 4]),  # greedy needs no filter
        (Sampling(top_k=1), [0]),
        (Sampling(top_k=2), [0, 1]),  # of a tie the smaller id
        (Sampling(top_k=9), [0, 1, 2, 3, 4]),
        # softmax: 0.52, 0.19, 0.19, 0.07, 0.004
        (Sampling(top_p=0.0), [0]),
        (Sampling(top_p=0.5), [0]),
        (Sampling(top_p=0.6), [0, 1]),
        (Sampling(top_p=0.75), [0, 1, 2]),
        (Sampling(top_p=0.99), [0, 1, 2, 3]),
        (Sampling(top_k=2, top_p=0.72), [0]),  # 0.73 of the two that top-k leaves
        (Sampling(top_k=2, top_p=0.74), [0, 1]),
        (Sampling(min_p=0.3), [0, 1, 2]),
        (Sampling(min_p=0.4), [0]),
        (Sampling(0.5, min_p=0.3), [0]),
        (Sampling(min_p=1.0), [0]),
    ],
)
def test_filters_leave_what_their_papers_say(sampling: Sampling, kept: list[int]) -> None:
    adjusted = adjust(LOGITS, sampling, (), ())
    assert np.flatnonzero(candidates(adjusted, sampling)).tolist() == kept


def test_a_filtered_token_is_never_drawn_and_the_others_are_as_before() -> None:
    sampling = Sampling(top_k=3)
    for position in range(200):
        token = choose(LOGITS, sampling, bytes(16), position)
        free = choose(LOGITS, Sampling(), bytes(16), position)
        assert token == free or (free > 2 and token <= 2)


def test_penalties_and_bias_are_those_of_the_interfaces() -> None:
    sampling = Sampling(
        repetition_penalty=2.0, presence_penalty=0.5, frequency_penalty=0.25, bias={3: 10.0, 99: 1}
    )
    adjusted = adjust(LOGITS, sampling, prompt=(0, 4, 77), drawn=(1, 1))
    # Divided where positive and multiplied where negative; presence once, frequency twice.
    assert adjusted.tolist() == [1.0, 0.5 - 0.5 - 0.5, 1.0, 10.0, -6.0]
    assert adjust(LOGITS, sampling, (), ()).tolist() == [2.0, 1.0, 1.0, 10.0, -3.0]


def test_filters_are_those_of_transformers() -> None:
    """An independent implementation, on logits without ties."""
    torch = pytest.importorskip("torch")
    process = pytest.importorskip("transformers.generation.logits_process")
    generator = np.random.default_rng(5)
    for _ in range(200):
        logits = generator.normal(0, 3, 40).astype(np.float32)
        sampling = Sampling(
            float(generator.choice([0.5, 1.0, 1.7])),
            top_k=int(generator.choice([0, 1, 5, 39])),
            top_p=float(generator.choice([1.0, 0.9, 0.35])),
            min_p=float(generator.choice([0.0, 0.02, 0.3])),
        )
        scores = torch.tensor(logits)[None] / sampling.temperature
        steps = [process.TopKLogitsWarper(sampling.top_k)] if sampling.top_k else []
        if sampling.top_p < 1.0:
            steps.append(process.TopPLogitsWarper(sampling.top_p))
        if sampling.min_p:
            steps.append(process.MinPLogitsWarper(sampling.min_p))
        for step in steps:
            scores = step(None, scores)
        theirs = np.flatnonzero(np.isfinite(scores[0].numpy()))
        ours = np.flatnonzero(candidates(adjust(logits, sampling, (), ()), sampling))
        np.testing.assert_array_equal(ours, theirs)


def plain_choice(
    logits: NDArray[np.float32],
    sampling: Sampling,
    position: int,
    prompt: list[int],
    drawn: list[int],
) -> int:
    """The token that is drawn, by the definition: token by token, with nothing left out."""
    values = [float(logit) for logit in logits]
    for token in {*prompt, *drawn}:
        if 0 <= token < len(values):
            penalty = sampling.repetition_penalty
            values[token] = (
                values[token] / penalty if values[token] > 0 else values[token] * penalty
            )
    for token in set(drawn):
        if 0 <= token < len(values):
            frequency = sampling.frequency_penalty * drawn.count(token)
            values[token] -= sampling.presence_penalty + frequency
    for token, bias in sampling.bias.items():
        if 0 <= token < len(values):
            values[token] += bias
    adjusted, temperature = np.array(values), sampling.temperature
    order = sorted(range(len(values)), key=lambda token: (-values[token], token))
    if temperature == 0.0:
        return order[0]
    kept = order[: sampling.top_k or None]
    mass = np.exp((adjusted[order] - adjusted[order[0]]) / temperature)
    mass[len(kept) :] = 0.0
    summed = np.cumsum(mass)
    if sampling.top_p < 1.0:
        least = sampling.top_p * summed[-1]
        kept = [t for t, s, m in zip(kept, summed, mass, strict=False) if s - m < least]
    if sampling.min_p > 0.0:
        least = adjusted.max() + temperature * np.log(sampling.min_p)
        kept = [token for token in kept if values[token] >= least]
    perturbed = adjusted + temperature * gumbel_noise(KEY, position, len(values))
    return min(kept or order[:1], key=lambda token: (-perturbed[token], token))


KEY = b"plain definition"


@pytest.mark.parametrize("ties", [False, True])
def test_what_is_drawn_is_what_the_definition_draws(ties: bool) -> None:
    chance = np.random.default_rng(7 + ties)
    filtered = 0
    for position in range(400):
        size = int(chance.choice([1, 2, 40, 400]))
        logits = chance.normal(0, float(chance.choice([0.1, 3.0, 30.0])), size).astype(np.float32)
        if ties:
            logits = np.round(logits)
        tokens = range(-1, size + 2)
        bias = {int(token): float(chance.normal()) for token in chance.choice(tokens, 3)}
        sampling = Sampling(
            float(chance.choice([0.0, 0.05, 1.0, 2.0])),
            top_k=int(chance.choice([0, 1, 7, size, size + 5])),
            top_p=float(chance.choice([1.0, 0.0, 0.2, 0.9, 1 - 1e-12])),
            min_p=float(chance.choice([0.0, 1e-6, 0.3, 1.0])),
            repetition_penalty=float(chance.choice([1.0, 1.2, 0.5])),
            presence_penalty=float(chance.choice([0.0, 0.5])),
            frequency_penalty=float(chance.choice([0.0, 0.25, -1.0])),
            bias=bias if chance.random() < 0.3 else {},
        )
        prompt, drawn = ([int(t) for t in chance.choice(tokens, 9)] for _ in range(2))
        if chance.random() < 0.3:
            drawn = []
        wanted = plain_choice(logits, sampling, position, prompt, drawn)
        assert choose(logits, sampling, KEY, position, prompt, drawn) == wanted
        filtered += sampling.filters and size > 2
    assert filtered > 100


@pytest.mark.parametrize("spread", [0.0, 0.01, 3.0, 30.0, 1e30])
@pytest.mark.parametrize("temperature", [1e-6, 0.3, 1.0, 2.0])
def test_only_what_no_noise_could_lift_is_left_out_of_a_draw(
    spread: float, temperature: float
) -> None:
    random = np.random.default_rng(round(spread * 100) % 2**32)
    for position in range(60):
        logits = (random.standard_normal(257) * spread).astype(np.float32)
        if position % 3 == 0:  # ties
            logits = np.round(logits)
        key = random.bytes(16)
        perturbed = logits + temperature * gumbel_noise(key, position, len(logits))
        drawn = choose(logits, Sampling(temperature=temperature), key, position)
        assert drawn == int(np.argmax(perturbed))


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_logits_that_are_no_numbers_are_drawn_from_as_the_definition_has_it(broken: float) -> None:
    logits = np.zeros(64, dtype=np.float32)
    logits[17] = broken
    perturbed = logits + gumbel_noise(bytes(16), 0, len(logits))
    assert choose(logits, Sampling(), bytes(16), 0) == int(np.argmax(perturbed))
    everywhere = np.full(64, broken, dtype=np.float32)
    assert choose(everywhere, Sampling(), bytes(16), 0) == 0
