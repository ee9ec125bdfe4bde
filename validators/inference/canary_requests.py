"""What a canary asks: what a client has asked elsewhere, or else what clients of such models ask.

In come sessions that clients share (``assay.protocol.shared_prompts``) and a random generator; out
come sessions, request by request. A shared one is asked word by word as its client asked it, for it
goes to miners that have not seen it. Where there is none, a session is made up: from several
corpora (code, comments, questions about code) and with the parameters that common clients send by
themselves.

This module knows no gateway, no miner's answer but as a text, and no time but in pauses.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from assay.models.corpus import Corpus
from assay.protocol.shared_prompts import CHAT, PAUSE_S_MAX, PLAIN, SharedRequest, SharedSession
from assay.types import Ss58

STOCK_MAX: Final = 64
"""Shared sessions that are kept. They hold clients' words, and are gone with the process."""
GOES_ON: Final = 0.3
"""Of the made-up chats, how many have another question behind each answer."""
QUESTIONS_MAX: Final = 4
"""Of one made-up chat: with more, small contexts are full."""
PAUSE_S_MEAN: Final = 30.0
"""In which a person reads an answer and asks again."""

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Habit:
    """What one kind of client sends beside its words."""

    path: str
    fields: Body
    weight: int
    """How many of all made-up sessions have it, in parts of the whole."""


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
class Session:
    """What is asked in a row, with a pause before each request, and who has seen any of it."""

    requests: Sequence[SharedRequest]
    seen_by: frozenset[Ss58] = frozenset()

    def body(self, number: int, answers: Sequence[str]) -> Body:
        """Return the body of request ``number``, counted from 0, behind the ``answers`` to the ones
        before it: where it goes on with one of these, it has what was answered now."""
        body = self.requests[number].body
        messages = body.get("messages")
        if not isinstance(messages, list):
            return dict(body)
        messages = list(messages)
        for asked, answer in zip(self.requests, answers, strict=False):
            before = asked.body.get("messages")
            place = len(before) if isinstance(before, list) else 0
            if 0 < place < len(messages) and body["messages"][:place] == before:
                messages[place] = _answered(messages[place], answer)
        return body | {"messages": messages}


def _answered(message: Any, answer: str) -> Any:
    """``message`` with the text ``answer``, if it is an assistant's."""
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return message
    return message | {"content": answer}


class CanaryRequests:
    """Draws sessions from what clients share, or makes them up from ``corpus``."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._stock: list[Session] = []

    def __len__(self) -> int:
        """How many sessions of clients are left."""
        return len(self._stock)

    def add(self, shared: Sequence[SharedSession]) -> None:
        """Keep what clients share, each session for one canary."""
        self._stock += [
            Session(each.requests, frozenset(map(Ss58, each.seen_by))) for each in shared
        ]
        del self._stock[:-STOCK_MAX]

    def of_a_client(self, rng: random.Random, miners: Collection[Ss58]) -> Session | None:
        """Return a client's session drawn from ``rng``, which is not kept any longer; None if each
        was seen by all ``miners``."""
        for place in rng.sample(range(len(self._stock)), len(self._stock)):
            if not self._stock[place].seen_by.issuperset(miners):
                return self._stock.pop(place)
        return None

    def made_up(self, rng: random.Random) -> Session:
        """Return a session as a client might have it, drawn from ``rng``. It reads files: call it
        outside the event loop."""
        [habit] = rng.choices(HABITS, [habit.weight for habit in HABITS])
        if habit.path == PLAIN:
            body = habit.fields | {"prompt": self._corpus.cut(rng)}
            return Session([SharedRequest(path=PLAIN, body=body)])
        messages: list[Body] = [self._asked(QUESTIONS, rng)]
        requests = [SharedRequest(path=CHAT, body=habit.fields | {"messages": list(messages)})]
        while len(requests) < QUESTIONS_MAX and rng.random() < GOES_ON:
            messages += [{"role": "assistant", "content": ""}, self._asked(AGAIN, rng)]
            body = habit.fields | {"messages": list(messages)}
            pause_s = min(rng.expovariate(1 / PAUSE_S_MEAN), PAUSE_S_MAX)
            requests.append(SharedRequest(path=CHAT, body=body, pause_s=pause_s))
        return Session(requests)

    def _asked(self, templates: Sequence[str], rng: random.Random) -> Body:
        return {"role": "user", "content": self._filled(rng.choice(templates), rng)}

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
