"""`tale-tui detect`: whether a message is a task or conversation, how sure that is, and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from tale_tui.cli.invocation import Invocation
from tale_tui.cli.output import say, say_json
from tale_tui.cli.stdin import is_piped, read_message
from tale_tui.engine import BadInput, EmptyMessage, clean_line

if TYPE_CHECKING:
    from tale_tui.engine import Detector, Judgement

MOST_SHOWN = 0.99
"""Nothing is shown as certain."""
DIGITS = 4
"""Of a probability: more would claim what was never measured."""


@click.command()
@click.argument("text", required=False)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.option("--jsonl", "lines", is_flag=True, help="Judge lines of JSON with id and text from standard input.")
@click.pass_obj
def detect(invocation: Invocation, text: str | None, as_json: bool, lines: bool) -> None:
    """Say whether TEXT would be a task, how sure that is, and why.

    Nothing is sent or stored. Without TEXT the message is read from standard input.
    """
    if lines and (text is not None or as_json):
        raise click.UsageError("--jsonl reads its messages from standard input: tale-tui detect --jsonl < FILE")
    if text is None and not lines:
        if not is_piped():
            raise click.UsageError('Say what is to be judged, as in: tale-tui detect "Write a poem"')
        text = read_message()
    detector = _detector(invocation)
    if text is None:
        for row in _rows():
            judged = detector.judge(row["text"])
            say_json({"id": row["id"], "p": round(judged.p, DIGITS), "label": judged.label.value})
        return
    if not text.strip():
        raise EmptyMessage("There is no text to judge.")
    _say(detector.judge(text), as_json=as_json)


def _detector(invocation: Invocation) -> Detector:
    from tale_tui.engine import LEARNED_FILE, Detector

    return Detector.load(invocation.paths.data / LEARNED_FILE)


def _rows() -> Iterator[dict[str, Any]]:
    """The lines of standard input, checked one by one; empty ones are skipped."""
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadInput(f'Line {number} is not JSON. Write lines like {{"id": 1, "text": "Hello"}}.') from error
        if not isinstance(row, dict) or "id" not in row or not isinstance(row.get("text"), str):
            raise BadInput(f'Line {number} has no id or no text. Write lines like {{"id": 1, "text": "Hello"}}.')
        yield row


def _say(judged: Judgement, *, as_json: bool) -> None:
    if as_json:
        say_json(
            {
                "label": judged.label.value,
                "p": round(judged.p, DIGITS),
                "band": judged.band().value,
                "evidence": list(judged.evidence),
            }
        )
        return
    from tale_tui.engine import DetectBand

    unsure = "  not sure: it would be asked" if judged.band() is DetectBand.UNSURE else ""
    say(f"{judged.label.value} {min(judged.confidence, MOST_SHOWN):.2f}{unsure}")
    for reason in judged.evidence:
        say(f"  {clean_line(reason)}")
