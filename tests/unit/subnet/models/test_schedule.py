"""The rows of a step: nobody waits for a long prompt, and nothing of others' costs a validator."""

from __future__ import annotations

import random

from assay.models.schedule import PROMPT_TOKENS, RIDING_EFFORT, Open, share_rows

COUNTS = (16, 32, 64, 96)
FINE = (1, 4, 8, 12, *COUNTS)


def drawing(*names: str, done: int = 100) -> list[Open[str]]:
    return [Open(name, done, 1) for name in names]


def test_all_that_draw_get_a_row_and_prompts_the_rest_of_the_pass() -> None:
    answers = [*drawing("a", "b"), Open("long", 0, 10_000), Open("next", 0, 5)]
    assert share_rows(answers, [], COUNTS) == [("a", 1), ("b", 1), ("long", 62)]


def test_prompts_are_read_in_their_turn() -> None:
    answers = [Open("short", 3, 10), Open("long", 0, 500), Open("waits", 0, 7)]
    assert share_rows(answers, [], COUNTS) == [("short", 10), ("long", 86)]


def test_others_ride_in_idle_rows_alone() -> None:
    firsts = drawing("a", "b", "c")
    others = [Open("prompt", 0, 500), *(Open(f"o{n}", 50, 1) for n in range(20))]
    shared = share_rows(firsts, others, COUNTS)
    assert shared[:3] == [("a", 1), ("b", 1), ("c", 1)]
    assert shared[3:] == [(f"o{n}", 1) for n in range(13)]
    assert ("prompt", 13) in share_rows(firsts, others[:1], COUNTS)


def test_where_hardly_a_row_is_idle_others_still_get_a_few() -> None:
    others = [Open("prompt", 0, 500), *drawing("o1", "o2", "o3", "o4", "o5", done=50)]
    for firsts in (["a"], list("abcd"), list("abcdefgh"), [f"a{n}" for n in range(16)]):
        shared = share_rows(drawing(*firsts), others, FINE)
        assert shared[len(firsts) :] == [("o1", 1), ("o2", 1), ("o3", 1), ("o4", 1)]
    assert share_rows(drawing(*"abcde"), others[:1], FINE)[-1] == ("prompt", 4)
    # But no pass of their own.
    full = [Open("reads", 100, 96)]
    assert share_rows(full, others, FINE) == [("reads", 96)]
    nearly = [Open("reads", 100, 94)]
    assert share_rows(nearly, others, FINE)[1:] == [("o1", 1), ("o2", 1)]


def test_whoever_attends_to_more_than_the_firsts_do_does_not_ride() -> None:
    others = [Open("longer", 101, 1), Open("shorter", 99, 1), Open("reads", 60, 200)]
    assert share_rows(drawing("a"), others, COUNTS) == [("a", 1), ("shorter", 1), ("reads", 14)]
    assert share_rows(drawing("a", done=61), others[2:], COUNTS) == [("a", 1), ("reads", 2)]


def test_what_is_drawn_for_riders_is_bounded_and_each_has_its_turn() -> None:
    dear = [Open(f"dear{n}", 50, 1, effort=6) for n in range(15)]
    cheap = [Open("cheap", 50, 1), Open("reads", 20, 200, effort=6)]
    firsts = drawing("a")
    assert share_rows(firsts, [*dear, *cheap], COUNTS) == [
        ("a", 1), ("dear0", 1), ("dear1", 1), ("cheap", 1), ("reads", 12)
    ]  # fmt: skip
    ridden: set[str] = set()
    for turn in range(len(dear)):
        shared = share_rows(firsts, [*dear[turn:], *dear[:turn]], COUNTS)[1:]
        assert 6 * len(shared) <= RIDING_EFFORT
        ridden |= {job for job, _ in shared}
    assert len(ridden) == len(dear)
    # Nobody is bounded where nobody goes first.
    assert len(share_rows([], dear, COUNTS)) == len(dear)
    assert len(share_rows(dear, [], COUNTS)) == len(dear)


def test_others_have_the_engine_for_themselves_when_no_first_is_there() -> None:
    others = [*drawing("a"), Open("reads", 60, 200)]
    assert share_rows([], others, COUNTS) == share_rows(others, [], COUNTS)
    assert share_rows([], [], COUNTS) == []


def test_the_bounds_hold_whatever_is_under_way() -> None:
    chance = random.Random(1)
    for _ in range(500):
        counts = chance.choice([COUNTS, FINE, (16,), (16, 32)])
        firsts, others = (
            [
                Open(f"{kind}{n}", chance.randrange(300), chance.choice([1, 1, 1, 2, 40, 400]))
                for n in range(chance.randrange(0, 80))
            ]
            for kind in ("first", "other")
        )
        shared = dict(share_rows(firsts, others, counts))
        answers = {open_.job: open_ for open_ in (*firsts, *others)}
        assert all(1 <= count <= answers[job].left for job, count in shared.items())
        for open_ in firsts or others:
            assert open_.left > 1 or shared[open_.job] == 1
        if any(open_.left > 1 for open_ in firsts or others):
            reading = [shared.get(o.job, 0) for o in firsts or others if o.left > 1]
            wanted = sum(o.left for o in firsts or others if o.left > 1)
            drawing = any(o.left == 1 for o in firsts or others)
            assert sum(reading) >= min(PROMPT_TOKENS if drawing else counts[-1], wanted)
            assert sum(reading) < PROMPT_TOKENS + counts[-1]
        if firsts and others:
            mine = {job: count for job, count in shared.items() if job.startswith("first")}
            passes = [-(-sum(rows.values()) // counts[-1]) for rows in (mine, shared)]
            assert passes[0] == passes[1]
            longest = max(answers[job].done + count for job, count in mine.items())
            assert all(answers[job].done + count <= longest for job, count in shared.items())
