"""The first level of the command line: help, version, folders, and how a run ends."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

import tale_tui.engine.ipc.connect
from tale_tui import __version__
from tale_tui.__main__ import main
from tale_tui.cli import main as main_module
from tale_tui.cli.main import LazyGroup
from tale_tui.config import garbage_collector
from tale_tui.domain.errors import DatabaseNewer

MANUAL = Path(__file__).parents[2] / "docs" / "commands.md"


def test_the_version(cli: Any) -> None:
    assert cli("--version").out == cli("-V").out == cli("version").out == f"tale-tui {__version__}\n"
    assert json.loads(cli("version", "--json").out) == {"name": "tale-tui", "version": __version__}


def test_help_lists_every_command_with_a_whole_sentence(cli: Any) -> None:
    result = cli("--help")
    assert result.code == 0
    for name in main_module.COMMANDS:
        assert f"\n  {name} " in result.out
    assert "..." not in result.out.partition("Commands:")[2]
    assert cli("-h").out == result.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nope"], "There is no command tale-tui nope: tale-tui --help lists them."),
        (["taks"], "There is no command tale-tui taks: do you mean tale-tui tasks?"),
        (["models", "lod"], "There is no command tale-tui models lod: do you mean tale-tui models load?"),
        (["--nope"], "tale-tui has no option --nope: tale-tui --help lists them."),
        (["submit", "--prio", "x"], "tale-tui submit has no option --prio: do you mean --priority?"),
        (["submit", "--priority"], "Option '--priority' requires an argument."),
        (["--set", "look"], "--set 'look' is not NAME=VALUE: write it as in --set look.theme=nord"),
        (["--set", "=x"], "--set '=x' is not NAME=VALUE: write it as in --set look.theme=nord"),
        (["export"], "ID is missing: write tale-tui export ID"),
        (["checkpoints", "export"],
            "--output FILE is missing: write tale-tui checkpoints export [HASH...] --output FILE"),
        (["models", "use"], "{ux|task} is missing: write tale-tui models use {ux|task} BACKEND/MODEL"),
        (["cancel", "a", "b\x1b[31m"], "Got unexpected extra argument (b): write tale-tui cancel ID"),
        (["chat", "--backend", "x"], "--backend: 'x' is not one of 'embedded', 'ollama', 'openai', 'scripted'."),
        (["tasks", "--limit", "0"], "--limit: '0' is no number for this, write a whole one from 1 to 1,000,000,000."),
        (["tasks", "--limit", "9" * 20], f"--limit: '{'9' * 20}' is no number for this, write a whole one from 1 to "
            "1,000,000,000."),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_sentence_and_ends_with_2(
    cli: Any, engine: Any, arguments: list[str], sentence: str
) -> None:
    result = cli(*arguments)
    assert (result.code, result.out, result.err) == (2, "", f"{sentence}\n")


def test_a_wrong_setting_is_named_and_nothing_is_started(cli: Any, connection: Any) -> None:
    result = cli("--set", "look.theem=x", "sessions")
    assert result.code == 2
    assert result.err == "A setting is wrong: --set look.theem is not a setting; did you mean `look.theme`?\n"
    result = cli("--set", "a=1", "--set", "chat.window=x", "sessions")
    assert result.err.splitlines()[0] == "A setting is wrong:"
    assert len(result.err.splitlines()) == 3
    assert connection.loaded is None


def test_old_names_in_the_file_are_said(cli: Any, engine: Any, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text('planning = "ollama/a"\n')
    result = cli("sessions", "--json")
    assert result.code == 0
    assert json.loads(result.out) == {"sessions": []}
    assert "`planning` is called `task` now" in result.err


# folders


def test_init_leaves_no_half_file_on_a_full_disk(cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", full)
        result = cli("init")
    file = home / "config" / "config.toml"
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"The disk is full: {file} cannot be made.")
    assert not file.exists()
    assert cli("init").code == 0


def test_init_makes_the_folders_and_says_where(cli: Any, home: Path) -> None:
    result = cli("init")
    assert result.code == 0
    assert "settings file was written" in result.err
    for name in ("config", "data", "cache", "logs"):
        assert (home / name).is_dir()
        assert str(home / name) in result.out
    assert (home / "config" / "config.toml").stat().st_mode & 0o777 == 0o600
    data = json.loads(cli("init", "--json").out)
    assert data == {
        **{name: str(home / name) for name in ("config", "data", "cache", "logs")},
        "settings": str(home / "config" / "config.toml"),
    }


def test_init_leaves_a_file_alone(cli: Any, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text("mine")
    assert cli("init").err == ""
    assert (home / "config" / "config.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("number", "title"),
    [(13, "Nothing can be written here"), (28, "The disk is full"), (20, "A folder cannot be made")],
)
@pytest.mark.parametrize("command", ["init", "sessions"])
def test_folders_that_cannot_be_made_are_said(
    cli: Any, engine: Any, monkeypatch: pytest.MonkeyPatch, number: int, title: str, command: str
) -> None:
    def refused(self: Path, *_: object, **__: object) -> None:
        raise OSError(number, "Refused", str(self))

    monkeypatch.setattr(Path, "mkdir", refused)
    result = cli(command)
    assert result.code == 1
    assert result.err.startswith(title)
    assert "TALE_HOME" in result.err


def test_a_settings_file_that_cannot_be_written_is_said(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Path.open

    def refused(self: Path, *arguments: Any, **options: Any) -> Any:
        if self.name == "config.toml":
            raise OSError(28, "No space left on device", str(self))
        return whole(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refused)
    result = cli("init")
    assert result.code == 1
    assert "config.toml" in result.err


# how it ends


def test_what_nobody_expected_is_a_sentence_and_a_log_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TALE_OPENAI_KEY", "sk-very-secret")
    try:
        raise RuntimeError("boom sk-very-secret")
    except RuntimeError as error:
        main_module.report_crash(RuntimeError, error, error.__traceback__)
    written = capsys.readouterr()
    log = home / "logs" / "tale-tui.log"
    assert written.out == ""
    assert written.err.count("\n") == 1
    assert str(log) in written.err
    assert "boom" not in written.err
    [line] = log.read_text().splitlines()
    assert "Traceback" in line
    assert "sk-very" not in line


def test_ctrl_c_before_anything_began_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(main_module, "run", interrupted)
    monkeypatch.setattr(garbage_collector, "pause", lambda: None)  # this process goes on
    assert main() == 130


def test_it_does_not_hide_what_nobody_expected(cli: Any, engine: Any) -> None:
    engine.errors["chat.send"] = RuntimeError("boom")
    with pytest.raises(RuntimeError, match="boom"):
        cli("chat", "-m", "hi")


def test_an_error_of_the_system_is_a_sentence(cli: Any, engine: Any, home: Path) -> None:
    engine.errors["chat.send"] = OSError(28, "No space left on device")
    result = cli("chat", "-m", "hi")
    assert result.code == 1
    assert "No space left on device" in result.err
    assert "Traceback" not in result.err
    assert "Traceback" in (home / "logs" / "tale-tui.log").read_text()


def test_an_error_of_ours_that_comes_while_it_opens_has_its_code(
    cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise DatabaseNewer("Update tale-tui.")

    monkeypatch.setattr(tale_tui.engine.ipc.connect, "open_engine", refuses)
    result = cli("sessions")
    assert (result.code, result.err) == (1, "The database is newer than this version: Update tale-tui.\n")


def test_colours_are_for_terminals_and_can_be_left_out(cli: Any, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in cli("doctor").out
    assert "\x1b[32m" in cli("doctor", terminal=True).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in cli("doctor", terminal=True).out
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in cli("doctor", terminal=True).out


# completion and the manual


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_is_printed(cli: Any, shell: str) -> None:
    result = cli("completion", shell)
    assert result.code == 0
    assert f"_TALE_TUI_COMPLETE={shell}_complete" in result.out


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("tale-tui submit --priority", ["high", "low", "normal", "urgent"]),
        ("tale-tui priority k4t9", ["high", "low", "normal", "urgent"]),
        ("tale-tui tasks --state p", ["paused"]),
        ("tale-tui list --state en", ["ended"]),
    ],
)
def test_values_complete(
    cli: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, completed: list[str]
) -> None:
    words = typed.split()
    monkeypatch.setenv("_TALE_TUI_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - (len(words[-1]) < 3)))
    with pytest.raises(SystemExit):
        cli()
    assert sorted(line.removeprefix("plain,") for line in capsys.readouterr().out.split()) == completed


def test_commands_complete(cli: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_TALE_TUI_COMPLETE", "fish_complete")
    monkeypatch.setenv("COMP_WORDS", "tale-tui mod")
    monkeypatch.setenv("COMP_CWORD", "mod")
    with pytest.raises(SystemExit) as ended:
        cli()
    assert ended.value.code == 0
    assert "models" in capsys.readouterr().out


def test_a_lazy_name_that_is_no_command_is_found_out() -> None:
    group = LazyGroup(lazy={"x": "tale_tui.cli.exit_codes:Exit"})
    with pytest.raises(TypeError, match="no command"):
        group.get_command(click.Context(group), "x")


def all_commands() -> list[tuple[str, click.Command]]:
    context = click.Context(main_module.root)
    found: list[tuple[str, click.Command]] = [("", main_module.root)]
    for name in main_module.root.list_commands(context):
        command = main_module.root.get_command(context, name)
        assert command is not None
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {inner}", each) for inner, each in command.commands.items()]
    return found


@pytest.mark.parametrize(("name", "command"), all_commands())
def test_the_manual_has_every_command_and_option(name: str, command: click.Command) -> None:
    text = MANUAL.read_text()
    assert name in text
    for parameter in command.params:
        for option in parameter.opts if isinstance(parameter, click.Option) and not parameter.hidden else ():
            assert f"`{option}" in text or f" {option}" in text, (name, option)


@pytest.mark.parametrize(("name", "command"), all_commands())
def test_every_option_says_what_it_does(name: str, command: click.Command) -> None:
    assert command.help
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help


# what is imported

HEAVY = ("asyncio", "pydantic", "pydantic_settings", "aiosqlite", "httpx", "ollama", "rich", "textual")


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [(["--version"], ()), (["version"], ()), (["init"], ("rich",)), (["completion", "fish"], ())],
)
def test_small_commands_import_little(home: Path, arguments: list[str], allowed: tuple[str, ...]) -> None:
    code = (
        "import sys; from tale_tui.cli.main import run; code = run(sys.argv[1:]);"
        f"print(code, sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == f"0 {sorted(allowed)}"


@pytest.mark.process
def test_commands_without_a_screen_do_not_import_one(home: Path) -> None:
    code = (
        "import sys; from tale_tui.cli.main import run; run(['chat', '--help']);"
        "import tale_tui.cli.line_mode.conversation, tale_tui.cli.data.sessions;"
        "import tale_tui.cli.models.models, tale_tui.cli.settings.doctor;"
        "print(sorted(name for name in sys.modules if (name + '.').startswith(('textual.', 'tale_tui.ui.')) and "
        "name != 'tale_tui.ui'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
