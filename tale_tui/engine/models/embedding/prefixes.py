"""What models of embeddings want before a text, so that questions and what answers them come near each other."""

from __future__ import annotations

import re

# Part of the name of a model, what stands before a question, what before a text that is looked for.
_KNOWN = (
    (re.compile("nomic-embed|modernbert-embed"), "search_query: ", "search_document: "),
    (re.compile(r"(?:^|[/_-])(?:multilingual-)?e5"), "query: ", "passage: "),
    (
        re.compile("mxbai-embed|snowflake-arctic-embed|bge-(?:small|base|large)-en"),
        "Represent this sentence for searching relevant passages: ",
        "",
    ),
    (re.compile("embeddinggemma"), "task: search result | query: ", "title: none | text: "),
    (
        re.compile("qwen3-embedding"),
        "Instruct: Given a question, find what was said before that answers it\nQuery: ",
        "",
    ),
)


def with_prefix(model: str, text: str, *, asks: bool) -> str:
    """A text as a model wants it.

    Args:
        model: its name.
        text: what is embedded.
        asks: whether it is a question, or what may answer one.
    """
    name = model.lower()
    for known, question, answer in _KNOWN:
        if known.search(name):
            return (question if asks else answer) + text
    return text
