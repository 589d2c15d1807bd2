"""`tale-tui detect`: whether a message is a task or conversation, how sure that is, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.learning.json_rows import json_rows
from tale_tui.cli.output import echo, echo_err, echo_json, rounded
from tale_tui.cli.stdin import checked_words, is_piped, read_message
from tale_tui.cli.text_command import TextCommand
from tale_tui.config import garbage_collector
from tale_tui.domain.errors import BadInput
from tale_tui.domain.text import clean_line

if TYPE_CHECKING:
    from tale_tui.config.settings import DetectSettings
    from tale_tui.engine.detect.detector import Detection, Detector

EXAMPLE = 'tale-tui detect "Write a poem"'
OFF = "Detection is turned off (detect.enabled): in a conversation this would be chat, whatever it says."


@click.command(cls=TextCommand)
@click.argument("text", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.option("--jsonl", "lines", is_flag=True, help="Judge lines of JSON with id and text from standard input.")
@click.pass_obj
def detect(context: CommandContext, text: tuple[str, ...], as_json: bool, lines: bool) -> None:
    """Say whether TEXT would be a task, how sure that is, and why.

    Nothing is sent or stored. Without TEXT the message is read from standard input.
    """
    if lines and (text or as_json):
        raise BadInput("--jsonl reads its messages from standard input: tale-tui detect --jsonl < FILE")
    if lines:
        detector = _detector(context)
        garbage_collector.resume()
        for row in json_rows():
            found = detector.detect(row["text"])
            echo_json({"id": row["id"], "p": rounded(found.p), "label": found.label.value})
        return
    if not text and not is_piped():
        raise BadInput(f"Say what is to be judged, as in: {EXAMPLE}")
    message = checked_words(" ".join(text)) if text else read_message()
    if not message.strip():
        cause = "There is no text to judge" if text else "Standard input is empty"
        raise BadInput(f"{cause}: write one, as in {EXAMPLE}")
    settings = context.settings().detect
    if not settings.enabled:
        echo_err(OFF)
    _echo(_detector(context).detect(message), settings, as_json=as_json)


def _detector(context: CommandContext) -> Detector:
    from tale_tui.engine.detect.detector import LEARNED_FILE, Detector

    return Detector.load(context.paths.data / LEARNED_FILE)


def _echo(found: Detection, settings: DetectSettings, *, as_json: bool) -> None:
    """What was found, with what is done with it, by the bounds of the settings."""
    band = found.band(task_from=settings.task_from, chat_to=settings.chat_to)
    if as_json:
        echo_json(
            {
                "label": found.label.value,
                "p": rounded(found.p),
                "band": band.value,
                "evidence": list(found.evidence),
            }
        )
        return
    from tale_tui.domain.tasks import DetectBand
    from tale_tui.formatting.units import format_probability

    unsure = "  not sure: you would be asked" if band is DetectBand.UNSURE else ""
    echo(f"{found.label.value} 0{format_probability(found.confidence)}{unsure}")
    for reason in found.evidence:
        echo(f"  {clean_line(reason)}")
