"""Clients of a gateway as they might be: what people and programs ask of a model, and when.

``People`` makes some thousand clients from a seed, each with a habit of its own (a chat in one of
five languages, an editor that completes code, a pipeline over documents, an app with a long system
prompt), parameters of its own, and a share of the traffic that differs from client to client by
much. A client asks in sessions, and goes on from what it was answered.

All words are made from what is installed beside Python: the descriptions, licences and sources of
packages. Nothing here comes from ``assay.validators.inference.canary_requests``, whose corpus is
the standard library: canaries must be like clients without having been made like these.
"""

from __future__ import annotations

import importlib.metadata
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEXT_CHARS = (80, 420)  # of one piece: contexts of 512 tokens hold a question and an answer
SOURCES_MAX = 400
KINDS = {"chat": 45, "editor": 27, "pipeline": 22, "app": 6}
CHAT = {
    "en": (
        "What is {name} good for?", "How do I install {name}?", "{text}\n\nCan you summarise that?",
        "Which is better, {name} or {other}?", "I get an error with {name}:\n{code}\nWhat now?",
        "Write a short README for a project called {name}.", "tldr: {text}", "hi! who are you?",
        "Give me three ideas for using {name} with {other}.", "explain {name} like im five",
        "Turn this into bullet points: {text}", "Is {name} under a free licence?",
    ),
    "de": (
        "Wofür braucht man {name}?", "Wie installiere ich {name}?", "Fasse zusammen: {text}",
        "Was ist der Unterschied zwischen {name} und {other}?", "Übersetze ins Deutsche: {text}",
        "Schreibe eine Mail an meinen Chef, dass {name} nicht läuft.",
    ),
    "fr": (
        "Comment utiliser {name} ?", "Résume ce texte : {text}", "Traduis en français : {text}",
        "Quelle est la différence entre {name} et {other} ?", "Pourquoi {name} est-il lent ?",
    ),
    "es": (
        "¿Para qué sirve {name}?", "Resume este texto: {text}", "Traduce al español: {text}",
        "¿Cómo se instala {name} en Windows?", "Escribe un poema sobre {name}.",
    ),
    "zh": (
        "{name} 是什么?", "请用中文总结: {text}", "怎么安装 {name}?",
        "{name} 和 {other} 有什么区别?", "帮我写一个使用 {name} 的例子。",
    ),
}  # fmt: skip
GOING_ON = {
    "en": ("Thanks. And {other}?", "Can you make it shorter?", "are you sure?", "Show me the code.",
           "That is not what I meant. I need {name} for {other}.", "ok, next step?"),
    "de": ("Und mit {other}?", "Kürzer bitte.", "Bist du sicher?", "Danke! Und ein Beispiel?"),
    "fr": ("Et avec {other} ?", "Plus court.", "Merci, et un exemple ?"),
    "es": ("¿Y con {other}?", "Más corto, por favor.", "Dame un ejemplo."),
    "zh": ("那 {other} 呢?", "请简短一点。", "举个例子。"),
}  # fmt: skip
TASKS = (
    "Extract all names from the text as JSON.\n\n{text}\n\nJSON:",
    "Classify the sentiment (positive, negative, neutral): {text}\nSentiment:",
    "Q: Does the text mention a licence? Answer yes or no.\nText: {text}\nA:",
    "{text}\n\nKeywords:",
    "Rate the quality of the following documentation from 1 to 5.\n###\n{text}\n###\nRating:",
)
SYSTEM = (
    "You are a helpful assistant.", "You are a pirate.", "Answer in one sentence.",
    "You are an expert programmer. Answer with code only.", "Du bist ein freundlicher Helfer.",
)  # fmt: skip
_PARAGRAPH = re.compile(r"(?:^|\n\n)([A-Z][^#|`<>\n][^|`<>]{80,900}?)(?=\n\n)", re.DOTALL)


class Words:
    """Pieces of what is installed: prose of descriptions and licences, names, and source code."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.prose: list[str] = []
        files: list[Path] = []
        for each in sorted(importlib.metadata.distributions(), key=lambda d: d.name or ""):
            self.names.append(each.name)
            self.prose += _PARAGRAPH.findall(each.read_text("METADATA") or "")[:40]
            for file in each.files or ():
                path = Path(str(file.locate()))
                if file.suffix == ".py" and "test" not in str(file) and path.is_file():
                    files.append(path)
                if "LICENSE" in file.name.upper() and path.is_file():
                    text = path.read_text(errors="replace")
                    self.prose += text.replace("\r", "").split("\n\n")[1:6]
        self.prose = [" ".join(text.split()) for text in self.prose if len(text) > TEXT_CHARS[0]]
        picked = random.Random(0).sample(files, min(len(files), SOURCES_MAX))
        self.sources = [
            text for path in picked if len(text := path.read_text(errors="replace")) > 3_000
        ]

    def text(self, dice: random.Random) -> str:
        piece = dice.choice(self.prose)
        return piece[: dice.randint(*TEXT_CHARS)]

    def code(self, dice: random.Random, length: int) -> str:
        text = dice.choice(self.sources)
        start = text.find("\n", dice.randrange(len(text) - 1_500)) + 1
        return text[start : start + length]

    def filled(self, template: str, dice: random.Random) -> str:
        return template.format(
            name=dice.choice(self.names), other=dice.choice(self.names), text=self.text(dice),
            code=self.code(dice, dice.randint(60, 240)),
        )  # fmt: skip


@dataclass
class Client:
    """One key's owner and its habits."""

    number: int
    kind: str
    language: str
    options: dict[str, Any]
    system: str | None
    template: str
    weight: float
    """Of its sessions, beside others'."""
    shares: bool
    key: str = ""
    pause_s: float = 30.0


@dataclass
class Session:
    """What one client asks in a row; ``answer`` is told between two requests."""

    client: Client
    path: str
    bodies: Iterator[dict[str, Any]]
    answer: str = ""


class People:
    """Clients drawn from a seed, of whom the part ``sharing`` shares its prompts."""

    def __init__(self, words: Words, *, count: int, sharing: float, seed: int) -> None:
        self._words = words
        self._dice = dice = random.Random(seed)
        kinds = dice.choices(list(KINDS), list(KINDS.values()), k=count)
        self.clients = [self._client(n, kind, dice.random() < sharing) for n, kind in
                        enumerate(kinds)]  # fmt: skip

    def _client(self, number: int, kind: str, shares: bool) -> Client:
        dice = self._dice
        options: dict[str, Any] = {}
        if kind in ("chat", "app"):
            # Most send what their program sends by itself.
            temperature = dice.choice((None,) * 5 + (0.0, 0.2, 0.7, 0.7, 1.0))
            limit = dice.choice((None,) * 5 + (100, 200, 256))
            options = {"temperature": temperature, "stream": dice.random() < 0.7 or None,
                       "max_tokens": limit, "top_p": dice.choice((None,) * 6 + (0.9, 0.95)),
                       "presence_penalty": dice.choice((None,) * 19 + (0.6,))}  # fmt: skip
        elif kind == "editor":
            stop = dice.choice((["\n\n"], ["\n\n"], ["\n"], ["\ndef ", "\nclass "], None))
            options = {"temperature": dice.choice((0.0, 0.1, 0.2)), "stop": stop, "stream": True,
                       "max_tokens": dice.choice((32, 64, 64, 128))}  # fmt: skip
        else:
            options = {"temperature": 0.0, "max_tokens": dice.choice((1, 8, 16, 64)),
                       "seed": dice.choice((None, None, 0, 42)),
                       "logprobs": dice.choice((None, None, 1, 5))}  # fmt: skip
        system = None
        if kind == "chat" and dice.random() < 0.3:
            system = dice.choice(SYSTEM)
        if kind == "app":  # longer than what a gateway knows a conversation by
            system = (
                f"You work for the customers of {self._words.text(dice)} {self._words.text(dice)}"
            )
            system = (system * 4)[:400]
        return Client(
            number, kind, dice.choices(list(CHAT), (60, 12, 9, 9, 10))[0],
            {name: value for name, value in options.items() if value is not None}, system,
            dice.choice(TASKS), dice.lognormvariate(0.0, 0.8), shares,
            pause_s={"chat": 40.0, "app": 40.0, "editor": 12.0, "pipeline": 3.0}[kind],
        )  # fmt: skip

    def session(self) -> Session:
        """The next session of whichever client comes."""
        dice = self._dice
        client = dice.choices(self.clients, [each.weight for each in self.clients])[0]
        if client.kind in ("chat", "app"):
            session = Session(client, "chat/completions", iter(()))
            session.bodies = self._chat(session)
        else:
            bodies = self._editor(client) if client.kind == "editor" else self._pipeline(client)
            session = Session(client, "completions", bodies)
        return session

    def pause_s(self, session: Session) -> float:
        return session.client.pause_s * self._dice.lognormvariate(0.0, 0.7)

    def _chat(self, session: Session) -> Iterator[dict[str, Any]]:
        client, dice = session.client, self._dice
        messages: list[dict[str, str]] = []
        if client.system is not None:
            messages.append({"role": "system", "content": client.system})
        question = dice.choice(CHAT[client.language])
        while True:
            asked = self._words.filled(question, dice)
            messages.append({"role": "user", "content": asked})
            yield client.options | {"messages": list(messages)}
            if dice.random() > 0.4:
                return
            messages.append({"role": "assistant", "content": session.answer})
            question = dice.choice(GOING_ON[client.language])

    def _editor(self, client: Client) -> Iterator[dict[str, Any]]:
        dice = self._dice
        text = self._words.code(dice, 900)
        at = dice.randint(60, 500)
        for _ in range(dice.randint(1, 5)):
            yield client.options | {"prompt": text[:at]}
            at += dice.randint(5, 120)

    def _pipeline(self, client: Client) -> Iterator[dict[str, Any]]:
        for _ in range(self._dice.randint(1, 8)):
            yield client.options | {"prompt": self._words.filled(client.template, self._dice)}
