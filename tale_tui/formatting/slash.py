"""Which messages are commands, and which only look like one: one rule for the window and for line mode."""

from __future__ import annotations

MARK = "/"
"""A message whose first word is this and letters is a command; two before the name of one are sent as one."""

COMMAND_NAMES = frozenset(
    {
        "alerts", "approve", "cancel", "checkpoints", "clear", "context", "continue", "dashboard", "decline", "delete",
        "editor", "exit", "export", "find", "forget", "give", "help", "history", "learning", "memory", "model", "new",
        "notices", "pause", "plan", "priority", "quit", "recall", "redo", "remember", "rename", "result", "resume",
        "retry", "save", "sessions", "status", "system", "task", "tasks", "theme", "tokens", "undo", "wait",
    }
)  # fmt: skip
"""Of the commands of the window and of line mode."""


SWITCHES = frozenset({"on", "off"})
"""Behind `/recall` they are no words to be looked for: they turn it on and off for the conversation."""


def split_command(text: str) -> tuple[str, str] | None:
    """The name of a command, in small letters, and what stands behind it.

    Args:
        text: a whole message.
    Returns:
        None where it is none: a path such as `/etc/hosts` has another slash in its first word. Whether there is a
        command of that name is not looked at.
    """
    word, rest = (*text.split(maxsplit=1), "", "")[:2]
    name = word.removeprefix(MARK)
    return (name.lower(), rest.strip()) if word.startswith(MARK) and name.isalpha() else None


def literal(text: str) -> str:
    """The message that is meant by a text which is no command.

    `//` and the name of a command stand for that word with one slash; every other text, `// like this` too, is meant
    as it stands.
    """
    word = next(iter(text.split(maxsplit=1)), "")
    named = word.startswith(MARK * 2) and word.removeprefix(MARK * 2).lower() in COMMAND_NAMES
    return text.replace(MARK * 2, MARK, 1) if named else text
