"""`tale-tui chat`: the window, one answer, or a conversation line by line."""

from __future__ import annotations

import gc
import sys
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from tale_tui.cli.exits import NO_MODEL_CODES, Exit
from tale_tui.cli.invocation import Invocation
from tale_tui.cli.output import MUTED, ProgressLine, is_terminal, say, say_json, tell
from tale_tui.cli.stdin import is_piped, read_message
from tale_tui.engine import BadInput, EmptyMessage

if TYPE_CHECKING:
    from tale_tui.engine import Message, ModelRef, Verbs

NO_TERMINAL = (
    "The window needs a terminal, and there is none here.\n"
    "Ask once with: tale-tui chat -m TEXT\nTalk line by line with: tale-tui --plain"
)
BACKENDS = ("embedded", "ollama", "openai", "scripted")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who shall answer, and where the answer belongs, as the command line says."""

    session: str | None = None
    backend: str | None = None
    model: str | None = None
    yes: bool = False


@click.command()
@click.option("-m", "--message", metavar="TEXT", help="Ask this and print the answer.")
@click.option("--session", metavar="ID", help="Go on with this session.")
@click.option("--backend", type=click.Choice(BACKENDS), help="Where the model runs, for this run.")
@click.option("--model", metavar="NAME", help="The model for this run: NAME or BACKEND/NAME.")
@click.option("--plain", is_flag=True, help="A conversation line by line, for pipes and screen readers.")
@click.option("--yes", "-y", is_flag=True, help="Fetch the starter model (93 MB) where there is no model.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one line of JSON.")
@click.pass_obj
def chat(
    invocation: Invocation,
    message: str | None = None,
    session: str | None = None,
    backend: str | None = None,
    model: str | None = None,
    plain: bool = False,
    yes: bool = False,
    as_json: bool = False,
) -> int:
    """Open the window, or print one answer with -m.

    Text on standard input is the message. The answer streams to standard output.
    """
    wanted = Wanted(session, backend, model, yes)
    if plain:
        if message is not None or as_json:
            raise click.UsageError("--plain takes its lines from standard input: leave out -m and --json.")
        return _talk(invocation, wanted)
    if message is None and is_piped():
        message = read_message()
        if not message:
            raise BadInput(NO_TERMINAL)
    if message is None:
        if as_json:
            raise click.UsageError("--json goes with -m TEXT or with text on standard input.")
        return _open_window(invocation, wanted)
    if not message.strip():
        raise EmptyMessage("The message is empty. Say it with: tale-tui chat -m TEXT")
    return _answer(invocation, message, wanted, as_json=as_json)


def _open_window(invocation: Invocation, wanted: Wanted) -> int:
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise BadInput(NO_TERMINAL)
    overrides = invocation.overrides
    if wanted.backend or wanted.model:
        backend, model = wanted.backend, wanted.model or ""
        if not (backend and model) and "/" not in model:
            raise click.UsageError("The window takes both: --backend NAME --model NAME")
        overrides["ux"] = f"{backend}/{model.removeprefix(f'{backend}/')}" if backend else model
    # What is imported now stays: looking through it for garbage costs a tenth of the start. The window turns the
    # collector on again behind its first frame.
    gc.disable()
    try:
        # The screen is imported here and nowhere else in the command line.
        from tale_tui.ui.app import run_app

        return run_app(
            invocation.make_folders(),
            session=wanted.session or "",
            demo=invocation.demo_home is not None,
            overrides=overrides,
        )
    finally:
        gc.enable()


def _answer(invocation: Invocation, message: str, wanted: Wanted, *, as_json: bool) -> int:
    async def work(face: Verbs) -> int:
        return await print_answer(face, message, wanted, as_json=as_json)

    return invocation.run(work, load=not (wanted.backend or wanted.model))


async def print_answer(face: Verbs, message: str, wanted: Wanted, *, as_json: bool) -> int:
    """Ask once and print the answer as it comes, or whole as JSON.

    Raises:
        TaleError: no model, no such session, a message that cannot be sent, a model that failed.
    """
    from tale_tui.cli.ready import choose_model, ensure_model
    from tale_tui.engine import random_id

    line = ProgressLine()
    ref = await choose_model(face, wanted.backend, wanted.model, yes=wanted.yes, line=line)
    if ref is None:
        await ensure_model(face, yes=wanted.yes, line=line)
    session = await (face.find_session(wanted.session) if wanted.session else face.new_session())
    reply = await _stream(face, session.id, message, random_id(), ref, line, silent=as_json)
    if reply is None:
        tell("Stopped in another window. What came is kept.")
        return Exit.INTERRUPTED
    if as_json:
        say_json(_as_data(reply))
    elif is_terminal(sys.stderr):
        tell(click.style(_summary(reply), **MUTED))
    return Exit.DONE


async def _stream(
    face: Verbs, session_id: str, message: str, key: str, ref: ModelRef | None, line: ProgressLine, *, silent: bool
) -> Message | None:
    from tale_tui.engine import TurnCancelled, TurnDone, TurnFailed, rebuild
    from tale_tui.following import follow

    printed = ""

    def text(piece: str) -> None:
        nonlocal printed
        line.clear()
        printed += piece
        if not silent:
            say(piece, end="")

    def reads(done: int, total: int) -> None:
        line.word(f"reading {done} of {total} tokens")

    try:
        async with aclosing(face.send(session_id, message, key=key, ref=ref)) as events:
            end = await follow(events, text=text, waits=line.word, reads=reads)
    finally:
        # The last line of a broken answer is ended too: what follows it begins a line of its own.
        line.clear()
        if printed and not silent:
            say()
    match end:
        case TurnDone(reply=reply):
            return reply
        case TurnFailed(code=code, sentence=sentence):
            if code in NO_MODEL_CODES and not printed:
                from tale_tui.cli.ready import no_answer

                raise no_answer(sentence)
            raise rebuild(code, sentence)
        case TurnCancelled():
            return None


def _as_data(reply: Message) -> dict[str, object]:
    from tale_tui.engine import Usage

    usage = reply.usage or Usage()
    return {
        "session": reply.session_id,
        "reply": reply.text,
        "backend": reply.ref.backend.value if reply.ref else None,
        "model": reply.ref.model if reply.ref else None,
        "ttft_ms": _rounded(usage.ttft_ms),
        "load_ms": _rounded(usage.load_ms),
        "total_ms": _rounded(usage.total_ms),
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "tokens_per_second": _rounded(usage.tokens_per_second),
    }


def _rounded(value: float | None) -> float | None:
    """To a tenth: what lies behind it was not measured."""
    return None if value is None else round(value, 1)


def _summary(reply: Message) -> str:
    from tale_tui.engine import ID_SHOWN
    from tale_tui.following import figures
    from tale_tui.ui.signs import signs

    parts = [reply.ref.model if reply.ref else "", *figures(reply.usage), f"session {reply.session_id[:ID_SHOWN]}"]
    return f" {signs().dot} ".join(part for part in parts if part)


def _talk(invocation: Invocation, wanted: Wanted) -> int:
    from tale_tui.cli.talk import talk

    async def work(face: Verbs) -> int:
        return await talk(face, wanted.session, wanted.backend, wanted.model, yes=wanted.yes)

    return invocation.run(work, load=True)
