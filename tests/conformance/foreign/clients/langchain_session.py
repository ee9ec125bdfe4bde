"""What a user of LangChain does with a gateway: ask, stream, stop, and see what is refused.

Run by a Python that has langchain-openai, as ``langchain_session.py URL KEY REVOKED``; prints one
JSON document of what came back. It knows nothing of Assay.
"""

from __future__ import annotations

import json
import sys

import openai
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI, OpenAI


def main(url: str, key: str, revoked: str) -> None:
    chat = ChatOpenAI(
        model="demo", base_url=url, api_key=key, temperature=0, max_tokens=24, max_retries=0
    )
    whole = chat.invoke([SystemMessage("import os"), HumanMessage("def walk(")])
    streamed = "".join(
        part.text for part in chat.stream([SystemMessage("import os"), HumanMessage("def walk(")])
    )
    shown = chat.bind(logprobs=True, top_logprobs=2).invoke("def walk(")
    plain = OpenAI(
        model="demo", base_url=url, api_key=key, temperature=0, max_tokens=24, max_retries=0
    )
    stopped = plain.invoke("def walk(", stop=["\n"])
    batch = chat.batch(["def a(", "def b("])
    try:
        ChatOpenAI(model="demo", base_url=url, api_key=revoked, max_retries=0).invoke("x")
    except openai.AuthenticationError as error:
        refused = error.code
    try:
        ChatOpenAI(model="other", base_url=url, api_key=key, max_retries=0).invoke("x")
    except openai.NotFoundError as error:
        missing = error.code
    told = {
        "whole": whole.text,
        "usage": whole.usage_metadata,
        "finish": whole.response_metadata["finish_reason"],
        "streamed": streamed,
        "logprobs": len(shown.response_metadata["logprobs"]["content"]),
        "stopped": stopped,
        "batch": [reply.text for reply in batch],
        "refused": refused,
        "missing": missing,
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
