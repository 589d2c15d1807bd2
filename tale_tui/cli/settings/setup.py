"""`tale-tui init`, `version` and `completion`: nothing here needs the engine."""

from __future__ import annotations

from pathlib import Path

import click

from tale_tui import __version__
from tale_tui.cli.context import CommandContext, folder_error
from tale_tui.cli.output import MUTED, Column, echo, echo_err, echo_json, echo_table
from tale_tui.domain.errors import BadInput

TEMPLATE = Path(__file__).parents[2] / "config" / "template.toml"
"""The settings file as `init` writes it: every setting with its default, commented out."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def init(context: CommandContext, as_json: bool) -> None:
    """Make the folders and a settings file, and say where they are."""
    paths = context.make_folders()
    if _write_settings(paths.settings_file):
        echo_err("A settings file was written: every setting is in it, commented out.")
    places = {
        "config": paths.config,
        "data": paths.data,
        "cache": paths.cache,
        "logs": paths.logs,
        "settings": paths.settings_file,
    }
    if as_json:
        echo_json({name: str(place) for name, place in places.items()})
        return
    echo_table((Column("", style=MUTED), Column("")), [(name, str(place)) for name, place in places.items()])


def _write_settings(path: Path) -> bool:
    """Write the template where there is no file; whether it did."""
    made = False
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            made = True
            path.chmod(0o600)
            file.write(TEMPLATE.read_text(encoding="utf-8"))
    except FileExistsError:
        return False
    except OSError as error:
        if made:
            # Half a file would be taken for the user's own the next time.
            path.unlink(missing_ok=True)
        raise folder_error(error, path) from error
    return True


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def version(as_json: bool) -> None:
    """Say which version this is."""
    if as_json:
        echo_json({"name": "tale-tui", "version": __version__})
    else:
        echo(f"tale-tui {__version__}")


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes SHELL complete commands and options.

    bash: eval "$(tale-tui completion bash)" in ~/.bashrc.
    zsh: the same with zsh in ~/.zshrc.
    fish: tale-tui completion fish > ~/.config/fish/completions/tale-tui.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise BadInput(f"{shell} is not known to the click that is installed.")
    echo(kind(ctx.find_root().command, {}, "tale-tui", "_TALE_TUI_COMPLETE").source())
