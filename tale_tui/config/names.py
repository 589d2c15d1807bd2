"""Other names of settings: old ones, which are understood and said, and variables that stand for a setting of ours."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

PREFIX = "TALE_"
OLD_ROLES = (("conversation", "ux"), ("planning", "task"))
"""The roles were named for what they do; the new name stands second."""
ALIASES = {"OLLAMA_HOST": "TALE_OLLAMA__HOST", "TALE_DETECT": "TALE_DETECT__ENABLED"}
"""Ollama's own variable counts as ours, and TALE_DETECT=off is a short word for a setting, where that is not set."""


def rename_roles(table: MutableMapping[str, Any], prefix: str = "") -> list[str]:
    """Give the roles their names of today, in place.

    Args:
        table: of settings by their names.
        prefix: of each name there; where it is upper case, so are the names.
    Returns:
        What was renamed, a sentence each.
    """
    notes = []
    for old, new in OLD_ROLES:
        before, after = (prefix + (name.upper() if prefix.isupper() else name) for name in (old, new))
        if before not in table:
            continue
        value = table.pop(before)
        if after in table:
            notes.append(f"`{before}` is called `{after}` now, and `{after}` is set too: `{before}` is not used.")
        else:
            table[after] = value
            notes.append(f"`{before}` is called `{after}` now; please rename it.")
    return notes


@dataclass(frozen=True, slots=True)
class EnvironmentVariables:
    """The environment with every setting under its own name.

    Attributes:
        environ: of variables.
        notes: old names that were understood, a sentence each.
    """

    environ: Mapping[str, str]
    notes: tuple[str, ...] = ()
    _spelled: Mapping[str, str] = field(default_factory=dict)

    def spelled(self, name: str) -> str:
        """The variable in which the user set what is called `name`."""
        return self._spelled.get(name, name)


def own_variables(environ: Mapping[str, str]) -> EnvironmentVariables:
    """Read the environment: old names and variables that stand in for a setting become that setting's own."""
    own = {name: value for name, value in environ.items() if value}
    spelled = {}
    for old, new in OLD_ROLES:
        if PREFIX + old.upper() in own and PREFIX + new.upper() not in own:
            spelled[PREFIX + new.upper()] = PREFIX + old.upper()
    notes = rename_roles(own, PREFIX)
    for name, setting in ALIASES.items():
        value = own.get(name, "").strip()
        if not value or value.startswith("{"):  # a whole table in JSON
            continue
        if name.startswith(PREFIX):
            del own[name]
        if setting not in own:
            own[setting] = value
            spelled[setting] = name
    return EnvironmentVariables(own, tuple(notes), spelled)
