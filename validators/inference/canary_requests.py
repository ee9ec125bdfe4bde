"""What a canary asks: what a client has asked elsewhere, or else what clients of such models ask.

In come requests that clients share (``assay.protocol.shared_prompts``) and a random generator; out
come conversations, request by request. A shared one is asked word by word as its client asked it,
for it goes to a miner that has not seen it. Where there is none, a conversation is made up: from
several corpora (code, comments, questions about code) and with the parameters that common clients
send by themselves.

This module knows no gateway, no miner's answer but as a text, and no time but in pauses.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from assay.models.corpus import Corpus
from assay.protocol.shared_prompts import CHAT, PLAIN, SharedRequest
from assay.types import Ss58

STOCK_MAX: Final = 64
"""Shared requests that are kept. They hold clients' words, and are gone with the process."""
GOES_ON: Final = 0.3
"""Of the made-up conversations, how many have another question behind each answer."""
QUESTIONS_MAX: Final = 4
"""Of one made-up conversation: with more, small contexts are full."""
PAUSE_S_MEAN: Final = 30.0
"""In which a person reads an answer and asks again."""

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Habit:
    """What one kind of client sends beside its words."""

    path: str
    fields: Body
    weight: int
    """How many of all made-up conversations have it, in parts of the whole."""


HABITS: Final = (
    Habit(CHAT, {"stream": True}, 4),  # chat pages, and OpenAI's own client
    Habit(CHAT, {}, 2),
    Habit(CHAT, {"temperature": 0.7}, 3),  # LangChain, until version 0.3
    Habit(CHAT, {"temperature": 0.1, "max_tokens": 256}, 2),  # LlamaIndex
    Habit(CHAT, {"temperature": 0, "max_tokens": 128}, 1),  # agents
    Habit(PLAIN, {"temperature": 0.2, "max_tokens": 64, "stop": ["\n\n"], "stream": True}, 3),
    Habit(PLAIN, {"temperature": 0, "max_tokens": 48}, 1),  # editors
    Habit(PLAIN, {}, 1),  # curl, as in every introduction
    Habit(PLAIN, {"temperature": 0, "max_tokens": 1, "logprobs": 5}, 1),  # evaluations
)
"""The defaults of common clients, as their documentation has them in 2026. They shape canaries only
where no client shares its prompts."""
QUESTIONS: Final = (
    "What does {name} do?",
    "How do I use {name} in Python? Give a short example.",
    "Explain this code:\n\n{code}",
    "Is there a mistake in this?\n\n{code}",
    "Write a test for the following function.\n\n{code}",
    "Rewrite this so that it is easier to read:\n{code}",
    "Was macht {name} in Python?",
    "Erkläre diesen Code:\n\n{code}",
    "À quoi sert {name} ?",
    "¿Qué hace este código?\n\n{code}",
    "summarize: {prose}",
    "Please translate into German:\n\n{prose}",
    "{prose}\n\nWhat does that mean?",
)
AGAIN: Final = (
    "Why?", "Can you give an example?", "And without a loop?", "Shorter, please.",
    "Thanks! And {name}?", "That does not work: {name} is not defined.", "Warum?",
    "Explain it to a beginner.",
)  # fmt: skip
_NAME: Final = re.compile(r"\b(?:def|class|import|self\.)\s?([A-Za-z_][A-Za-z0-9_]{3,24})")
_PROSE: Final = re.compile(r'(?:"""|# )([A-Z][^"\n]{30,300}(?:\n[^"\n]{10,100}){0,3})')
TRIES_MAX: Final = 16
"""Pieces of code that are looked through for a comment or a name: most have one."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is asked, request by request: at ``path``, with ``body``, whose messages are all of the
    conversation. ``ends`` says where each request's messages end."""

    path: str
    body: Body
    ends: tuple[int, ...]
    pauses_s: tuple[float, ...]
    """Before each request but the first."""
    seen_by: frozenset[Ss58] = frozenset()

    def request(self, number: int, answers: Sequence[str]) -> Body:
        """Return the body of request ``number``, counted from 0, behind the ``answers`` to the ones
        before it."""
        if self.path == PLAIN:
            return dict(self.body)
        messages = [dict(message) for message in self.body["messages"][: self.ends[number]]]
        for end, answer in zip(self.ends, answers, strict=False):
            if end < len(messages):
                messages[end]["content"] = answer
        return self.body | {"messages": messages}


def conversation_of(shared: SharedRequest) -> Conversation | None:
    """Return the conversation that ends with the request ``shared``; None for one without words."""
    seen_by = frozenset(map(Ss58, shared.seen_by))
    if shared.path == PLAIN:
        if not isinstance(shared.body.get("prompt"), str | list):
            return None
        return Conversation(PLAIN, shared.body, (0,), (), seen_by)
    messages = shared.body.get("messages")
    if not isinstance(messages, list) or not messages:
        return None
    if not all(isinstance(message, dict) for message in messages):
        return None
    roles = [message.get("role") for message in messages]
    # Each answer's place is where a request before has ended. Tools answer in other ways.
    ends = [place for place, role in enumerate(roles) if role == "assistant" and place]
    if {"tool", "function"} & {str(role) for role in roles}:
        ends = []
    count = min(len(ends), len(shared.pauses_s))
    ends = [*ends[len(ends) - count :], len(messages)]
    pauses = shared.pauses_s[len(shared.pauses_s) - count :]
    return Conversation(CHAT, shared.body, tuple(ends), tuple(pauses), seen_by)


class CanaryRequests:
    """Draws conversations from what clients share, or makes them up from ``corpus``."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._stock: list[Conversation] = []

    def __len__(self) -> int:
        """How many conversations of clients are left."""
        return len(self._stock)

    def add(self, shared: Sequence[SharedRequest]) -> None:
        """Keep what clients share, each for one canary."""
        found = (conversation_of(each) for each in shared)
        self._stock += [each for each in found if each is not None]
        del self._stock[:-STOCK_MAX]

    def of_a_client(
        self, rng: random.Random, miners: Collection[Ss58]
    ) -> tuple[Conversation, list[Ss58]] | None:
        """Return a client's conversation drawn from ``rng``, which is not kept any longer, and
        those of ``miners`` that have not seen it; None if each was seen by all."""
        for place in rng.sample(range(len(self._stock)), len(self._stock)):
            fresh = [miner for miner in miners if miner not in self._stock[place].seen_by]
            if fresh:
                return self._stock.pop(place), fresh
        return None

    def made_up(self, rng: random.Random) -> Conversation:
        """Return a conversation as a client might have it, drawn from ``rng``. It reads files: call
        it outside the event loop."""
        [habit] = rng.choices(HABITS, [habit.weight for habit in HABITS])
        if habit.path == PLAIN:
            return Conversation(PLAIN, habit.fields | {"prompt": self._corpus.cut(rng)}, (0,), ())
        questions = [self._filled(rng.choice(QUESTIONS), rng)]
        while len(questions) < QUESTIONS_MAX and rng.random() < GOES_ON:
            questions.append(self._filled(rng.choice(AGAIN), rng))
        messages: list[Body] = []
        for question in questions:
            messages += [
                {"role": "user", "content": question},
                {"role": "assistant", "content": ""},
            ]
        count = len(questions)
        return Conversation(
            CHAT,
            habit.fields | {"messages": messages[:-1]},
            tuple(range(1, 2 * count, 2)),
            tuple(rng.expovariate(1 / PAUSE_S_MEAN) for _ in range(count - 1)),
        )

    def _filled(self, template: str, rng: random.Random) -> str:
        for part, pattern in (("{name}", _NAME), ("{prose}", _PROSE)):
            if part in template:
                template = template.replace(part, self._found(pattern, rng))
        if "{code}" in template:
            template = template.replace("{code}", self._corpus.cut(rng))
        return template

    def _found(self, pattern: re.Pattern[str], rng: random.Random) -> str:
        """What ``pattern`` finds in some piece of the corpus; a whole piece if it finds nothing."""
        piece = ""
        for _ in range(TRIES_MAX):
            piece = self._corpus.cut(rng)
            if (found := pattern.search(piece)) is not None:
                return " ".join(found[1].split())
        return piece
