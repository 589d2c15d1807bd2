"""The commands: one table that feeds the completion in the prompt, the palette and the help."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from tale_tui.formatting.slash import MARK, split_command

if TYPE_CHECKING:
    from tale_tui.engine.client_actions import TaskKind


LEAVING_WORDS = frozenset({"exit", "quit"})
"""They leave without a mark as well, as in most programs of the terminal, where nothing else is written."""


@dataclass(frozen=True, slots=True)
class Command:
    """One thing that can be asked for by name."""

    name: str
    summary: str
    """A short sentence without a full stop, for lists."""
    argument: str = ""
    """What may follow the name, as a list shows it; every argument may be left out."""
    binding: str = ""
    """The id of the key binding that does the same."""
    title: str = ""
    """As the palette shows it."""
    tasks: TaskKind | None = None
    """Of a command that takes the id of a task: of which tasks."""


COMMANDS = (
    Command("help", "All keys and commands", binding="app.help", title="Help"),
    Command("new", "Start a new conversation", binding="chat.new", title="New conversation"),
    Command("clear", "Start over with the same system prompt; this is kept", title="Start over"),
    Command("sessions", "Open, search, rename or delete conversations", "[words]", "chat.sessions", "Conversations"),
    Command("find", "Find words in this conversation", "[words]", "chat.find", "Find in this conversation"),
    Command("model", "Choose the model that answers", "[backend/model]", "chat.models", "Models"),
    Command("system", "Set the system prompt of this conversation", "[text]", title="System prompt"),
    Command("continue", "Go on with a reply that broke off", binding="chat.go_on", title="Go on with the reply"),
    Command(
        "retry",
        "Ask for another answer, or run a task again",
        "[id [step]]",
        title="Ask again",
        tasks="again",
    ),
    Command("give", "Have the other model do a task", "[id]", title="Give a task to the other model", tasks="any"),
    Command("tasks", "All tasks: what runs, what waits for you, what is done", binding="app.tasks", title="Tasks"),
    Command("tokens", "What was spent: by model, by day, by task", binding="app.tokens", title="Tokens"),
    Command(
        "dashboard",
        "Whether the promises hold; what the machine and the models do",
        binding="app.dashboard",
        title="Dashboard",
    ),
    Command("learning", "What was learned here, how good it is, and the way back", title="Learning"),
    Command("task", "Hand in a task, whatever it looks like", "text"),
    Command("status", "How a task is doing; what runs now", "[id]", title="What runs now", tasks="any"),
    Command("result", "The whole result of a task", "[id]", title="Result of the last task", tasks="written"),
    Command(
        "save",
        "Save the code of a result as files",
        "[id] [folder]",
        title="Save the code",
        tasks="written",
    ),
    Command("plan", "Read, change, approve or refuse a plan", "[id]", "chat.plan", "Plan of a task", "any"),
    Command("cancel", "End a task that is open", "[id]", title="Cancel a task", tasks="open"),
    Command("pause", "Stop a task for now; its text is kept", "[id]", title="Pause a task", tasks="going"),
    Command("resume", "Go on with a paused task", "[id]", title="Resume a task", tasks="paused"),
    Command("priority", "Say which task goes first: urgent, high, normal or low", "id priority", tasks="open"),
    Command("theme", "Choose the colours", "[name]", title="Theme"),
    Command("export", "Write this conversation to a file, .md or .json", "[path]", title="Export"),
    Command("rename", "Give this conversation another title", "[title]", title="Rename conversation"),
    Command("checkpoints", "What was kept after each step, and the way back", "[id]", title="Checkpoints", tasks="any"),
    Command("undo", "Take back the last step here; again, the one before it", title="Undo a step"),
    Command("redo", "Do again what was undone last", title="Redo a step"),
    Command("delete", "Delete this conversation", title="Delete conversation"),
    Command("editor", "Write the message in your editor", binding="chat.editor", title="Write in your editor"),
    Command("remember", "Remember something beyond this conversation", "text"),
    Command("recall", "What is remembered; `on` and `off` for this conversation", "[words]", title="Remembered"),
    Command("memory", "The same as /recall", "[words]"),
    Command("forget", "Forget something that is remembered", "[id or words]"),
    Command("context", "What the model is shown of this conversation, and what has room", title="Context"),
    Command("alerts", "Limits that were passed, and models that got worse", title="Alerts"),
    Command("notices", "What happened lately", title="Notices"),
    Command("quit", "Leave", binding="app.quit", title="Quit"),
    Command("exit", "Leave"),
)
"""All of them, the most wanted first."""

_BY_NAME = {command.name: command for command in COMMANDS}


@dataclass(frozen=True, slots=True)
class Call:
    """A command as it was typed."""

    command: Command
    argument: str = ""


class UnknownCommand(ValueError):
    """The text begins like a command and is none; the message says which one is near."""


def parse(text: str) -> Call | None:
    """Read what was typed as a command.

    Args:
        text: the whole message.
    Returns:
        The command, or None where the text is a message: it is none, or words follow a command that takes none
        (`/quit smoking is hard`). `LEAVING_WORDS` alone are commands.
    Raises:
        UnknownCommand: with a sentence for the user.
    """
    if (word := text.strip().lower()) in LEAVING_WORDS:
        return Call(_BY_NAME[word])
    found = split_command(text)
    if found is None:
        return None
    name, argument = found
    command = _BY_NAME.get(name)
    if command is None:
        raise UnknownCommand(_unknown(name))
    if argument and not command.argument:
        return None
    return Call(command, argument)


def _unknown(name: str) -> str:
    nearest = get_close_matches(name, _BY_NAME, n=1, cutoff=0.5)
    there = f"Did you mean {MARK}{nearest[0]}?" if nearest else f"{MARK}help lists them."
    return f"There is no command {MARK}{name}. {there} To send it, write a word before it."


def completions(text: str) -> tuple[Command, ...]:
    """The commands that `text` may become, best first; none where it is no beginning of a command."""
    name = text.removeprefix(MARK).lower()
    if not text.startswith(MARK) or (name and not name.isalpha()):
        return ()
    first = [command for command in COMMANDS if command.name.startswith(name)]
    first.sort(key=lambda command: command.name != name)
    later = [command for command in COMMANDS if name in command.name and command not in first]
    return (*first, *later)


def task_argument(text: str) -> tuple[Command, str] | None:
    """The command that is being written and what stands behind it so far, where that may become the id of a task."""
    name, space, argument = text.removeprefix(MARK).partition(" ")
    command = _BY_NAME.get(name.lower()) if text.startswith(MARK) and space else None
    if command is None or command.tasks is None or " " in argument.strip() or argument.endswith(" "):
        return None
    return command, argument.strip()
