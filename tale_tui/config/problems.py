"""What is wrong with a setting, said with its place and what would be right."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Union, get_args, get_origin

from tale_tui.config.keys import KEY_VARIABLE
from tale_tui.domain.errors import BadInput, TaleError
from tale_tui.domain.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel, ValidationError
    from pydantic.fields import FieldInfo

SHOWN_VALUE = 60
"""Characters of a wrong value that are shown."""
SIMILAR = 0.7
"""How much a name must be like a setting's (0 to 1) for it to be meant, perhaps."""

_SECRETS = frozenset({"key", "api_key", "apikey", "token", "password", "secret"})
_KIND_WORDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    dict: "a table",
    list: "a list of texts",
}


NAME_OF_ENTRY = "[key]"
"""How pydantic says that the name of an entry is wrong, and not its value."""


class SettingsError(BadInput):
    """Settings are wrong; nothing was changed.

    Args:
        problems: a sentence each.
    """

    code: ClassVar[str] = "settings"
    title: ClassVar[str] = "A setting is wrong"
    # Several may be: they are listed below it.
    whole = TaleError.whole

    def __init__(self, problems: Sequence[str] | str) -> None:
        # One string as well, because an error that comes from another process is rebuilt from its sentence.
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Source:
    """Where settings came from.

    Attributes:
        values: what it says, tables as mappings.
        place: names the place of a key, given as its path.
    """

    values: Mapping[str, Any]
    place: Callable[[tuple[str, ...]], str]

    def has(self, path: Iterable[str]) -> bool:
        """Whether it has a value for this key."""
        found: object = self.values
        for name in path:
            if not isinstance(found, Mapping) or name not in found:
                return False
            found = found[name]
        return True


def explain(error: ValidationError, model: type[BaseModel], sources: Sequence[Source]) -> SettingsError:
    """The error in words.

    Args:
        error: what the check found.
        model: the class of all settings.
        sources: where values came from, the strongest first.
    """
    problems: dict[str, None] = {}
    for detail in error.errors(include_url=False):
        path = tuple(str(part) for part in detail["loc"] if part != NAME_OF_ENTRY)
        place = next((source.place(path) for source in sources if source.has(path)), ".".join(path))
        field, whole = _resolve(model, path)
        if field is None:
            problems[f"{place} is not a setting{_suggestion(model, path)}"] = None
            continue
        right = takes(field) if whole else _takes_entry(field)
        reason = detail["ctx"]["error"] if detail["type"] == "value_error" else f"it takes {right}"
        problems[f"{place} is {_shown(detail['input'])}; {reason}."] = None
    return SettingsError(tuple(problems))


def takes(field: FieldInfo) -> str:
    """What a setting takes, in words: `a whole number from 0 to 256`."""
    kinds = _kinds(field.annotation)
    words = " or ".join(_KIND_WORDS.get(kind, "text") if isinstance(kind, type) else str(kind) for kind in kinds)
    bounds = {
        name: f"{getattr(part, name):,.10g}"
        for part in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if hasattr(part, name)
    }
    match bounds:
        case {"ge": low, "le": high}:
            return f"{words} from {low} to {high}"
        case {"ge": low, "lt": high}:
            return f"{words}, at least {low} and below {high}"
        case {"gt": low, "le": high}:
            return f"{words} above {low} and at most {high}"
    return words


def _kinds(annotation: Any) -> list[type | str]:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return [kind for part in get_args(annotation) if part is not type(None) for kind in _kinds(part)]
    if origin is Literal:
        return ["one of " + ", ".join(str(choice) for choice in get_args(annotation))]
    if hasattr(annotation, "model_fields"):
        return [dict]
    return [origin or annotation]


def _resolve(model: type[BaseModel], path: tuple[str, ...]) -> tuple[FieldInfo | None, bool]:
    """The setting that a path leads to, through groups and through entries that are tables.

    Returns:
        The setting, None where there is none; and whether the path ends with it, instead of with one of its entries.
    """
    field, left = model.model_fields.get(path[0]), path[1:]
    while field is not None and left:
        inner: dict[str, FieldInfo] = getattr(field.annotation, "model_fields", {})
        if not inner:
            inner, left = _entry_fields(field), left[1:]  # the first name is that of the entry
        if not inner or not left:
            return field, False
        field, left = inner.get(left[0]), left[1:]
    return field, True


def _entry_fields(field: FieldInfo) -> dict[str, FieldInfo]:
    """The fields of the entries of a table, which the user names; nothing where an entry is no table."""
    for part in get_args(field.annotation):
        if hasattr(part, "model_fields"):
            found: dict[str, FieldInfo] = part.model_fields
            return found
    return {}


def _takes_entry(field: FieldInfo) -> str:
    """What an entry of a table takes that the user names."""
    return _KIND_WORDS[dict] if _entry_fields(field) else _KIND_WORDS[str]


def _suggestion(model: type[BaseModel], path: tuple[str, ...]) -> str:
    """The end of the sentence about a name that is no setting."""
    if path[-1] in _SECRETS:
        return f": keys are read from the environment alone ({KEY_VARIABLE})."
    known = {
        f"{top}.{inner}" if inner else top: inner or top
        for top, field in model.model_fields.items()
        for inner in ("", *getattr(field.annotation, "model_fields", {}))
    }
    near = difflib.get_close_matches(".".join(path), known, n=1, cutoff=SIMILAR) or [
        dotted for dotted, last in known.items() if difflib.get_close_matches(path[-1], [last], cutoff=SIMILAR)
    ]
    return f"; did you mean `{near[0]}`?" if near else "."


def _shown(value: object) -> str:
    text = clean_line(str(value), SHOWN_VALUE)
    return f"`{text}`" if text else "empty"
