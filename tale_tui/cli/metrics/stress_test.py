"""`tale-tui stress-test`: many tasks and conversations at once, in a folder of its own, against what is promised."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import click

from tale_tui.cli.context import DEMO_MODEL, CommandContext, folder_error
from tale_tui.cli.exit_codes import Exit
from tale_tui.cli.output import (
    Column,
    ProgressLine,
    cut,
    echo,
    echo_err,
    echo_json,
    echo_table,
    is_terminal,
    wants_colour,
)
from tale_tui.cli.preflight import ensure_model, ensure_worker
from tale_tui.cli.servers.run import launch_engine
from tale_tui.config.environment import copy_environment
from tale_tui.config.paths import HOME_VARIABLE
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import BadInput, EngineLost, NoModel
from tale_tui.engine.load_test.load import LoadPlan, LoadTest
from tale_tui.engine.load_test.report import JUDGED_AT, report_of
from tale_tui.formatting.units import stamp

if TYPE_CHECKING:
    import psutil

    from tale_tui.config.paths import Paths
    from tale_tui.domain.models import RoleStatus
    from tale_tui.engine.api import EngineApi
    from tale_tui.engine.load_test.load import LoadProgress
    from tale_tui.engine.load_test.report import LoadFigure, LoadReport

TASKS_MAX, CHATS_MAX = 10_000, 100
FOLDER_PREFIX = "tale-stress-test-"
REPORT_FILE = "stress-test.json"
END_TIMEOUT_S = 20.0
"""How long the engine of the test may take to end; then it is killed."""
LINE_EVERY_S = 5.0
"""Where its progress is not read on a terminal, a line is written so often."""
SHARES = (("p50", 0.5), ("p95", JUDGED_AT), ("p99", 0.99))
LOST_NAMED = 5
"""Of what was lost, so much is named."""
KEPT_SETTINGS = ("ux", "task", "tasks.resume")
"""Of those of the test, the ones that a window on its folder has to have too: it may become the engine."""
OWN_SETTINGS = {"detect.learn": "false", "tasks.resume": "always", "metrics.listen": "", "metrics.otlp": "false"}
"""Training would be measured too; what is cut off goes on without a question; nothing of it is sent out."""
SCRIPTED = f"scripted/{DEMO_MODEL}"
SCRIPTED_SETTINGS = {"ux": SCRIPTED, "task": SCRIPTED, "tasks.running": "4", "tasks.per_model": "4"}


@click.command("stress-test")
@click.option("--tasks", metavar="N", type=int, default=100, show_default=True, help="Tasks, handed in together.")
@click.option("--chats", metavar="N", type=int, default=4, show_default=True, help="Conversations beside them.")
@click.option(
    "--model", type=click.Choice(["scripted", "real"]), default="scripted", show_default=True,
    help="Answers written beforehand, or your own models.",
)  # fmt: skip
@click.option("--kill", is_flag=True, help="Kill the models' processes and the engine of the test meanwhile.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def stress_test(context: CommandContext, tasks: int, chats: int, model: str, kill: bool, as_json: bool) -> int:
    """Try many tasks and chats at once against the promises.

    All of it is done in a folder of its own, which is named and stays; what is yours is not touched. Exit code 1 where
    something was lost, failed or did not recover.
    """
    if not 1 <= tasks <= TASKS_MAX:
        raise BadInput(f"--tasks {tasks} is no number of tasks for this: write one from 1 to {TASKS_MAX:,}.")
    if not 0 <= chats <= CHATS_MAX:
        raise BadInput(f"--chats {chats} is no number of conversations for this: write one from 0 to {CHATS_MAX}.")
    place = _place_of(context, model)
    folder = place.paths.data.parent
    echo_err(f"In a folder of its own: {folder}")
    echo_err(f"To look at it, now and later: TALE_HOME={folder} tale-tui")
    with _engine_process(place) as process:
        if process is None:
            return Exit.FAILED
        report = _run(place, LoadPlan(tasks, chats), process if kill else None)
    data = _report_data(report, folder, model)
    file = folder / REPORT_FILE
    try:
        file.write_text(f"{json.dumps(data, indent=2)}\n", encoding="utf-8")
    except OSError as error:
        raise folder_error(error, file) from error
    if as_json:
        echo_json(data)
    else:
        _echo_words(report)
    echo_err(f"Written to {file}")
    failed = report.tasks_failed or report.messages_failed or any(each.seconds is None for each in report.recoveries)
    return Exit.FAILED if report.lost or failed else Exit.DONE


def _place_of(context: CommandContext, model: str) -> CommandContext:
    """The folder of the test with its settings, as the context of a run in it."""
    from tale_tui.config.load import save_setting

    chosen = _chosen_models(context) if model == "real" else {}
    try:
        folder = Path(mkdtemp(prefix=FOLDER_PREFIX))
    except OSError as error:
        raise folder_error(error) from error
    environ = copy_environment(context.environ) | {HOME_VARIABLE: str(folder)}
    settings = OWN_SETTINGS | (SCRIPTED_SETTINGS if model == "scripted" else chosen)
    place = CommandContext(environ=environ, flags={**context.flags, **settings})
    paths = place.make_folders()
    try:
        if model == "real":
            _share(context.paths, paths)
        for name in KEPT_SETTINGS:
            save_setting(paths, name, settings[name])
    except OSError as error:
        raise folder_error(error) from error
    return place


def _chosen_models(context: CommandContext) -> dict[str, str]:
    """The models of the user's roles.

    Raises:
        NoModel: a role has none.
    """

    async def work(engine: EngineApi) -> tuple[RoleStatus, ...]:
        return await engine.models.roles()

    settings = context.settings()
    found = {status.role.value: str(status.ref) for status in context.run(work) if status.ref is not None}
    chosen = {"ux": settings.ux, "task": settings.task} | found
    if any(name == SCRIPTED for name in chosen.values()):
        raise NoModel("Your roles have the scripted model: choose real ones, or leave --model real out.")
    return chosen


def _share(user: Paths, test: Paths) -> None:
    """Have the user's settings and the files of their models in the folder of the test: these as links."""
    if user.settings_file.exists():
        shutil.copyfile(user.settings_file, test.settings_file)
    if user.models.is_dir():
        test.models.mkdir(mode=0o700)
        for file in user.models.iterdir():
            if file.is_file():
                (test.models / file.name).symlink_to(file.resolve())


@contextmanager
def _engine_process(place: CommandContext) -> Iterator[psutil.Process | None]:
    """An engine in the background in the folder of the test, as long as the block lasts; None where none starts."""
    pid = launch_engine(place, place.paths, stays=True)
    if pid is None:
        yield None
        return
    import psutil

    process = psutil.Process(pid)
    try:
        yield process
    finally:
        with suppress(EngineLost):  # it ends already
            place.run_there(partial(_end, process.pid))
        _, left = psutil.wait_procs([process], timeout=END_TIMEOUT_S)
        for one in left:
            one.kill()


async def _end(pid: int, engine: EngineApi | None) -> None:
    """End the engine of the test, unless a window that looks at the folder has become it."""
    if engine is not None and (await engine.control.status()).pid == pid:
        await engine.control.stop()


def _run(place: CommandContext, plan: LoadPlan, kills: psutil.Process | None) -> LoadReport:
    from tale_tui.engine.load_test.kills import KillableEngine, KillableModels

    victims = (KillableModels(kills), KillableEngine(kills)) if kills is not None else ()

    with LiveLine() as line:

        async def work(engine: EngineApi) -> LoadReport:
            await ensure_model(engine, yes=False, line=ProgressLine(live=False))
            await ensure_worker(engine)
            outcome = await LoadTest(engine, plan, Clock(), line.show, victims).run()
            return await report_of(engine, outcome)

        return place.run(work, load=True, works_queue=True)


class LiveLine:
    """How far it is, on standard error: a line that is written over on a terminal, one every few seconds elsewhere."""

    def __init__(self) -> None:
        self._over = is_terminal(sys.stderr) and wants_colour() is not False
        self._next = 0.0

    def __enter__(self) -> LiveLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._over:
            echo_err("\r\x1b[K", end="")

    def show(self, progress: LoadProgress) -> None:
        """Show it as it is now."""
        words = progress_words(progress)
        if self._over:
            echo_err(f"\r\x1b[K{cut(words, shutil.get_terminal_size().columns - 1)}", end="")
        elif progress.spent_s >= self._next:
            self._next = progress.spent_s + LINE_EVERY_S
            echo_err(words)


def progress_words(progress: LoadProgress) -> str:
    """`34 of 100 tasks, 4 running   4 chats, 61 turns   12.3k tok, now 240 tok/s   0:14`."""
    from tale_tui.formatting.units import clock, plural, rate, token_count

    counts = progress.counts
    tasks = f"{counts.done} of {progress.tasks} tasks, {counts.running} running"
    if counts.failed:
        tasks += f", {counts.failed} failed"
    chats = f"{plural(progress.chats, 'chat')}, {plural(progress.turns, 'turn')}"
    tokens = f"{token_count(progress.tokens)}, now {rate(progress.tokens_per_second)}"
    return "   ".join((tasks, chats, tokens, clock(progress.spent_s)))


def _echo_words(report: LoadReport) -> None:
    from tale_tui.formatting.symbols import signs
    from tale_tui.formatting.units import duration, plural, size, token_count

    def shown(seconds: float | None) -> str:
        return signs().dash if seconds is None else duration(seconds)

    columns = [Column("", gives=True), *(Column(name, right=True) for name, _ in SHARES)]
    columns += [Column("of", right=True), Column("promised"), Column("")]
    rows = [
        [
            figure.name,
            *(shown(figure.at(share)) for _, share in SHARES),
            str(len(figure.values)),
            f"under {duration(figure.promised_s)}" if figure.promised_s is not None else "",
            _kept_words(figure.kept) if figure.promised_s is not None else "",
        ]
        for figure in report.figures
    ]
    echo_table(columns, rows)
    for recovery in report.recoveries:
        back = "and nothing came back" if recovery.seconds is None else f"recovered in {duration(recovery.seconds)}"
        echo(f"{recovery.killed} was killed: {back}")
    done = f"{report.tasks_done} of {plural(report.tasks, 'task')} done"
    turns = plural(report.messages, "turn")
    if report.messages_continued:
        turns += f" ({report.messages_continued} gone on with)"
    failed = f"{report.tasks_failed + report.messages_failed} failed"
    echo(f"{done}, {turns}, {failed}, lost: {len(report.lost)}")
    for what in report.lost[:LOST_NAMED]:
        echo(f"  {what}")
    tokens = f"{token_count(report.tokens.total_tokens or 0)} in {plural(report.tokens.calls, 'call')}"
    echo(f"handed in within {duration(report.handing_in_s)}, {tokens}, {duration(report.spent_s)} in all")
    kept = _kept_words(report.memory_kept)
    echo(f"models took {size(report.memory_used_bytes)} of {size(report.memory_limit_bytes)} allowed  {kept}")


def _kept_words(kept: bool | None) -> str:
    from tale_tui.formatting.symbols import signs

    if kept is None:
        return "too few to say"
    return f"{signs().done} kept" if kept else f"{signs().wrong} not kept"


def _report_data(report: LoadReport, folder: Path, model: str) -> dict[str, Any]:
    return {
        "at": stamp(time.time()),
        "folder": str(folder),
        "model": model,
        "cores": os.cpu_count(),
        "tasks": {"handed_in": report.tasks, "done": report.tasks_done, "failed": report.tasks_failed},
        "turns": {
            "sent": report.messages,
            "failed": report.messages_failed,
            "continued": report.messages_continued,
        },
        "lost": len(report.lost),
        "lost_what": list(report.lost),
        "figures": [_figure_data(figure) for figure in report.figures],
        "recoveries": [
            {"killed": one.killed, "ms": None if one.seconds is None else round(one.seconds * 1000)}
            for one in report.recoveries
        ],
        "handing_in_ms": round(report.handing_in_s * 1000),
        "seconds": round(report.spent_s, 1),
        "calls": report.tokens.calls,
        "total_tokens": report.tokens.total_tokens,
        "memory": {
            "used_bytes": report.memory_used_bytes,
            "limit_bytes": report.memory_limit_bytes,
            "kept": report.memory_kept,
        },
    }


def _figure_data(figure: LoadFigure) -> dict[str, Any]:
    shares = {f"{name}_ms": figure.at(share) for name, share in SHARES}
    return {
        "name": figure.name,
        "count": len(figure.values),
        **{name: None if value is None else round(value * 1000, 1) for name, value in shares.items()},
        "promised_ms": None if figure.promised_s is None else round(figure.promised_s * 1000),
        "kept": figure.kept,
    }
