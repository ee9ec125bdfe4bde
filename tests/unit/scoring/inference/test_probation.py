"""A convicted miner works unpaid for a while."""

from __future__ import annotations

import pytest

from assay.scoring.inference.probation import (
    AFTER_CONVICTION,
    EPOCHS,
    Sentence,
    sentence_after,
)


def answered(owed: Sentence, epoch: int) -> Sentence:
    return sentence_after(owed, verified=True, convicted=False, epoch=epoch)


def convicted(owed: Sentence, epoch: int) -> Sentence:
    return sentence_after(owed, verified=False, convicted=True, epoch=epoch)


def test_probation_is_paid_off_answer_by_answer_and_starts_anew() -> None:
    owed = convicted(Sentence(), 5)
    assert owed == Sentence(AFTER_CONVICTION, 5 + 1 + EPOCHS)
    for _ in range(AFTER_CONVICTION - 1):
        owed = answered(owed, 9)
    assert owed.answers == 1
    assert not owed.served(9)
    assert sentence_after(owed, verified=False, convicted=False, epoch=9) == owed
    assert convicted(owed, 9) == Sentence(AFTER_CONVICTION, 13)
    assert answered(owed, 9).served(9)


def test_three_whole_epochs_pass_however_many_answers_there_were() -> None:
    owed = convicted(Sentence(), 5)
    for _ in range(10 * AFTER_CONVICTION):
        owed = answered(owed, 6)
    assert [owed.served(epoch) for epoch in range(5, 11)] == [False] * 4 + [True] * 2


def test_whoever_was_never_convicted_is_paid_at_once() -> None:
    assert answered(Sentence(), 0).served(0)


def test_the_number_of_answers_can_be_chosen() -> None:
    assert sentence_after(
        Sentence(), verified=False, convicted=True, epoch=0, answers=7
    ) == Sentence(7, 4)


def test_an_answer_is_not_both() -> None:
    with pytest.raises(ValueError, match="both"):
        sentence_after(Sentence(), verified=True, convicted=True, epoch=0)
