"""Signals to the window: what they end is stored to its last word, and the terminal is as it was."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from support.processes import PROGRAM, WAIT_S
from tale_tui.ui.terminal.driver import GUARD_FAULTS_AFTER_S

pytestmark = [pytest.mark.process, pytest.mark.long]

LONG = "a long answer please"
READY = "enter send"
LEAVES = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]
FATAL = [signal.SIGQUIT, signal.SIGABRT, signal.SIGUSR1, signal.SIGALRM]
FAULTS = [signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT]
needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no shell with job control")


def begin_answer(one: Any) -> None:
    one.wait_for(READY)
    one.press(f"{LONG}\r")
    one.wait_for("What happens when you press a key")
    one.wait_for("The terminal writes a few bytes")


def stderr_tail(screen: str) -> str:
    """The last words of a reply that were painted, without what is being written at its end."""
    lines = [line.partition("▎")[2].strip(" ▌") for line in screen.splitlines() if line.startswith(" ▎")]
    return " ".join(" ".join(lines).split()[-4:])


def plain(markdown: str) -> str:
    return " ".join(re.sub(r"[#*`]", "", markdown).split())


def until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"never: {what}")


def begin_task(commands: Any) -> str:
    task_id = str(commands.run("submit", LONG, "--no-wait")).strip()
    until(lambda: commands.json("status", task_id)["completion_tokens"], "some of the task is written")
    return task_id


# the end in peace


@pytest.mark.parametrize("number", LEAVES, ids=lambda number: number.name)
def test_a_signal_leaves_the_window_as_a_key_does(
    window: Callable[..., Any], commands: Any, number: signal.Signals
) -> None:
    one = window()
    begin_answer(one)
    assert one.changed_modes().keys() >= {"1049", "2004", "1003", "25", "keyboard", "settings"}
    one.press("kept")
    one.wait_for("kept")
    one.process.send_signal(number)
    assert one.wait_end() == 0
    assert one.changed_modes() == {}
    assert b"Traceback" not in one.raw
    user, reply = commands.messages()
    assert user["text"] == LONG
    assert stderr_tail(one.text) in plain(reply["text"])
    again = window("--session", commands.json("sessions")["sessions"][0]["id"])
    again.wait_for("│ kept")


def test_a_terminal_that_is_closed_ends_the_window(window: Callable[..., Any], commands: Any) -> None:
    one = window()
    begin_answer(one)
    one.hang_up()
    assert one.wait_end() == 0
    _, reply = commands.messages()
    assert stderr_tail(one.text) in plain(reply["text"])


def test_a_closed_terminal_ends_also_a_window_that_ignores_the_signal(window: Callable[..., Any]) -> None:
    one = window(ignores=signal.SIGHUP)
    one.wait_for(READY)
    one.process.send_signal(signal.SIGHUP)
    one.press("still here")
    one.wait_for("still here")
    one.hang_up()
    assert one.wait_end() == 0


def test_what_a_task_wrote_is_kept_and_nobody_is_asked(window: Callable[..., Any], commands: Any) -> None:
    one = window()
    one.wait_for(READY)
    task_id = begin_task(commands)
    one.press("\x11")
    one.wait_for("Leave while 1 task is open?")
    one.process.send_signal(signal.SIGTERM)
    assert one.wait_end() == 0
    assert one.changed_modes() == {}
    task = commands.json("status", task_id)
    assert (task["state"], task["completion_tokens"] > 0) == ("paused", True)


def test_a_task_goes_on_in_the_background_where_the_setting_says_so(window: Callable[..., Any], commands: Any) -> None:
    one = window("--set", "tasks.leave=background")
    one.wait_for(READY)
    task_id = begin_task(commands)
    one.process.send_signal(signal.SIGHUP)
    assert one.wait_end() == 0
    engine = until(lambda: commands.json("status")["engine"], "an engine without a window")
    try:
        assert engine["background"]
        assert commands.run("wait", task_id)
    finally:
        commands.run("stop")


def test_the_setting_answers_for_the_key_as_well(window: Callable[..., Any], commands: Any) -> None:
    one = window("--set", "tasks.leave=pause")
    one.wait_for(READY)
    task_id = begin_task(commands)
    one.press("\x11")
    assert one.wait_end() == 0
    assert commands.json("status", task_id)["state"] == "paused"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_run_without_a_window_ends_in_peace(commands: Any, number: signal.Signals) -> None:
    task_id = str(commands.run("submit", LONG, "--no-wait")).strip()
    working = commands.start("run")
    until(lambda: commands.json("status", task_id)["completion_tokens"], "some of the task is written")
    working.send_signal(number)
    _, said = working.communicate(timeout=WAIT_S)
    assert (working.returncode, "What is open is kept." in said) == (0, True)
    assert commands.json("status", task_id)["state"] == "paused"


# the end at once


@pytest.mark.parametrize("number", FATAL, ids=lambda number: number.name)
def test_a_signal_that_ends_the_process_at_once_restores_the_terminal(
    window: Callable[..., Any], number: signal.Signals
) -> None:
    one = window()
    begin_answer(one)
    one.process.send_signal(number)
    assert one.wait_end() == -number
    assert one.changed_modes() == {}


def test_a_window_that_hangs_gives_the_terminal_back_at_sigquit(window: Callable[..., Any]) -> None:
    hangs = (
        "import sys, time\n"
        "from tale_tui.ui.app import TaleApp\n"
        "TaleApp.action_help = lambda self: [time.sleep(0.01) for _ in range(10_000)]\n"
        "sys.argv = ['tale-tui']\n"
        "from tale_tui.__main__ import main\n"
        "main()"
    )
    one = window(program=(sys.executable, "-c", hangs))
    one.wait_for(READY)
    one.press("\x1bOP")
    time.sleep(0.5)
    one.process.send_signal(signal.SIGQUIT)
    assert one.wait_end() == -signal.SIGQUIT
    assert one.changed_modes() == {}


@pytest.mark.parametrize("number", FAULTS, ids=lambda number: number.name)
def test_a_fault_restores_the_terminal(window: Callable[..., Any], number: signal.Signals) -> None:
    one = window()
    begin_answer(one)
    one.press("\x1b")
    one.wait_for(READY)
    # Native code does not fail while its thread waits for the interpreter. What is sent could come then, so the window
    # rests.
    time.sleep(GUARD_FAULTS_AFTER_S)
    one.process.send_signal(number)
    assert one.wait_end() == -number
    assert one.changed_modes() == {}


@pytest.mark.parametrize("thread", ["the window's", "another"])
def test_native_code_that_fails_restores_the_terminal(window: Callable[..., Any], thread: str) -> None:
    fails = "lambda self: ctypes.string_at(0)"
    if thread == "another":
        fails = "lambda self: threading.Thread(target=ctypes.string_at, args=(0,)).start()"
    program = (
        "import ctypes, sys, threading\n"
        "from tale_tui.ui.app import TaleApp\n"
        f"TaleApp.action_help = {fails}\n"
        "sys.argv = ['tale-tui']\n"
        "from tale_tui.__main__ import main\n"
        "main()"
    )
    one = window(program=(sys.executable, "-c", program))
    one.wait_for(READY)
    time.sleep(GUARD_FAULTS_AFTER_S)
    one.press("\x1bOP")
    assert one.wait_end() == -signal.SIGSEGV
    assert one.changed_modes() == {}


# stopped and continued


@needs_bash
def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_brings_the_window_back(
    window: Callable[..., Any], commands: Any
) -> None:
    shell = window(program=("bash", "--norc", "--noprofile", "-i"), PS1="shell> ")
    shell.wait_for("shell>")
    shell.press(f"{' '.join(PROGRAM)}\r")
    begin_answer(shell)
    shell.press("\x1a")
    shell.wait_for("Stopped")
    at_shell = shell.changed_modes()
    assert not at_shell.keys() - {"settings", "2004"}  # those are of the shell's own line
    (child,) = psutil.Process(shell.process.pid).children()
    assert child.status() == psutil.STATUS_STOPPED
    shell.press("clear; echo in the shell\r")
    shell.wait_for(lambda text: text.count("in the shell") == 1 and READY not in text)
    shell.press("fg\r")
    shell.wait_for("esc stop")
    shell.wait_for(lambda _: shell.changed_modes().keys() >= {"1049", "2004", "1003", "25", "keyboard", "settings"})
    shell.press("typed")
    shell.wait_for("typed")
    shell.press("\x11")
    shell.wait_for("shell>")
    shell.press("clear; echo ended $?\r")
    shell.wait_for("ended 0")
    assert not shell.changed_modes().keys() - {"settings", "2004"}
    assert len(commands.messages()) == 2


@needs_bash
def test_a_window_that_is_continued_in_the_background_waits_for_the_front(window: Callable[..., Any]) -> None:
    shell = window(program=("bash", "--norc", "--noprofile", "-i"), PS1="shell> ")
    shell.wait_for("shell>")
    shell.press(f"{' '.join(PROGRAM)}\r")
    shell.wait_for(READY)
    (child,) = psutil.Process(shell.process.pid).children()
    shell.press("\x1a")
    shell.wait_for("Stopped")
    shell.press("clear; bg\r")
    shell.press("echo in the shell\r")
    shell.wait_for("in the shell")
    assert "1049" not in shell.changed_modes()
    until(lambda: child.status() == psutil.STATUS_STOPPED, "the kernel stops it")
    shell.press("fg\r")
    shell.wait_for(READY)
    shell.press("\x11")
    shell.wait_for("shell>")
    until(lambda: "1049" not in shell.changed_modes(), "the terminal is as it was")


def test_a_window_that_was_stopped_from_outside_paints_itself_anew(window: Callable[..., Any]) -> None:
    one = window()
    one.wait_for(READY)
    one.process.send_signal(signal.SIGSTOP)
    until(lambda: psutil.Process(one.process.pid).status() == psutil.STATUS_STOPPED, "it stands")
    with one.lock:
        one.screen.reset()
    one.process.send_signal(signal.SIGCONT)
    one.wait_for(READY)
    one.press("typed")
    one.wait_for("typed")
    one.press("\x11")
    assert one.wait_end() == 0
    assert one.changed_modes() == {}


def test_without_a_shell_that_could_continue_it_ctrl_z_stops_nothing(window: Callable[..., Any]) -> None:
    one = window()
    one.wait_for(READY)
    one.press("\x1a")
    # What is typed while the terminal is given back is thrown away with it.
    until(lambda: one.raw.count(b"\x1b[?1049h") == 2, "it has the terminal again")
    one.press("typed")
    one.wait_for("typed")
    assert os.waitpid(one.process.pid, os.WNOHANG | os.WUNTRACED) == (0, 0)
    one.press("\x11")
    assert one.wait_end() == 0
    assert one.changed_modes() == {}


# commands


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_command_that_answers_ends_in_peace_and_keeps_every_word(commands: Any, number: signal.Signals) -> None:
    asking = commands.start("chat", "-m", LONG)
    said = ""
    while "The terminal writes a few bytes" not in said:
        said += asking.stdout.read(1)
    asking.send_signal(number)
    rest, told = asking.communicate(timeout=WAIT_S)
    assert (asking.returncode, told.count("Traceback")) == (128 + number, 0)
    stored = commands.messages()[-1]
    assert stored["state"] in ("stopped", "interrupted")
    assert plain(stored["text"]).startswith(plain(said + rest)[:-10])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_command_that_works_on_a_task_pauses_it(commands: Any, number: signal.Signals) -> None:
    working = commands.start("submit", LONG)
    [task] = until(
        lambda: [one for one in commands.json("tasks")["tasks"] if one["completion_tokens"]], "some of it is written"
    )
    working.send_signal(number)
    _, told = working.communicate(timeout=WAIT_S)
    assert (working.returncode, "It goes on with: tale-tui wait" in told) == (128 + number, True)
    assert commands.json("status", task["id"])["state"] == "paused"
