"""Verbs as data: what each takes and gives, read from the signatures of the groups of `EngineApi`, to and from JSON.

One line is one JSON object. A client sends `{"id": 1, "verb": "chat.send", "args": {...}}` and, to end a stream,
`{"close": 1}`. The engine answers `{"id": 1, "item": ...}` any number of times for a stream and then
`{"id": 1, "end": true}`, or `{"id": 1, "result": ...}`, or `{"id": 1, "error": [code, sentence]}`.
An item is `[class name, fields]`, because two events may have the same fields.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter

from tale_tui.domain.errors import EngineLost, TaleError, rebuild
from tale_tui.engine.api import EngineApi

log = logging.getLogger(__name__)

NOT_UNDERSTOOD = (
    "The process that runs the engine and this one do not understand each other; the log says more. End every window "
    "and command of tale-tui, then start it again."
)
PROTOCOL = 3
"""Raised by one whenever the lines change their meaning."""

Json = dict[str, Any]

GROUPS: Mapping[str, type] = get_type_hints(EngineApi)
"""The groups of verbs by name, each with the Protocol that describes it."""


@dataclass(frozen=True)
class ApiMethod:
    """One verb: its parameters, and the classes that come back."""

    name: str
    streams: bool
    signature: inspect.Signature
    parameters: Mapping[str, TypeAdapter[Any]]
    results: Mapping[str, TypeAdapter[Any]]
    """For a stream: class name -> adapter of the items; else one adapter under the empty name."""

    def pack_args(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Json:
        """The arguments of a call as JSON values."""
        bound = self.signature.bind(*args, **kwargs)
        return {name: self.parameters[name].dump_python(value, mode="json") for name, value in bound.arguments.items()}

    def unpack_args(self, packed: Mapping[str, object]) -> dict[str, Any]:
        """The arguments of a call from JSON values.

        Raises:
            ValueError: a name that the verb does not have, one that it needs and is not there, or a value of another
                type.
        """
        unknown = packed.keys() - self.parameters.keys()
        if unknown:
            raise ValueError(f"{self.name} does not take {', '.join(sorted(unknown))}")
        needed = {name for name, one in self.signature.parameters.items() if one.default is one.empty}
        if missing := needed - packed.keys():
            raise ValueError(f"{self.name} does not work without {', '.join(sorted(missing))}")
        return {name: self.parameters[name].validate_python(value) for name, value in packed.items()}

    def pack(self, value: object) -> object:
        """A result, or an item of a stream, as JSON values."""
        if not self.streams:
            return self.results[""].dump_python(value, mode="json")
        name = type(value).__name__
        return [name, self.results[name].dump_python(value, mode="json")]

    def unpack(self, packed: Any) -> Any:
        """A result, or an item of a stream, from JSON values.

        Raises:
            ValueError: it is not what this verb gives.
        """
        if not self.streams:
            return self.results[""].validate_python(packed)
        match packed:
            case [str(name), fields] if name in self.results:
                return self.results[name].validate_python(fields)
        raise ValueError(f"{self.name} does not give this")


class ApiGroup:
    """The verbs of one group of an engine that is somewhere else, as methods.

    Args:
        name: of the group.
        bind: makes the method for the name of a verb, as in "tasks.cancel".
    """

    def __init__(self, name: str, bind: Callable[[str], Any]) -> None:
        self._name = name
        self._bind = bind

    def __getattr__(self, name: str) -> Any:
        full = f"{self._name}.{name}"
        if not is_api_method(full):
            raise AttributeError(name)
        method = self._bind(full)
        setattr(self, name, method)  # the next call finds it here
        return method


def is_api_method(name: str) -> bool:
    """Whether engines have a verb of this name, as in "tasks.cancel"."""
    group, _, method = name.partition(".")
    return not method.startswith("_") and inspect.isfunction(getattr(GROUPS.get(group), method, None))


def is_streaming(name: str) -> bool:
    """Whether the verb of this name gives items one after the other, and not one result. Needs no adapters."""
    group, _, method = name.partition(".")
    return not inspect.iscoroutinefunction(getattr(GROUPS[group], method))


@cache
def api_method(name: str) -> ApiMethod:
    """The verb of this name, as in "tasks.cancel"; built at its first use, as adapters cost time.

    Raises:
        KeyError: there is none.
    """
    if not is_api_method(name):
        raise KeyError(name)
    group, _, method = name.partition(".")
    function = getattr(GROUPS[group], method)
    hints = get_type_hints(function)
    result = hints.pop("return")
    streams = is_streaming(name)
    if streams:
        item = get_args(result)[0]
        members = get_args(item) if isinstance(item, UnionType) else (item,)
        results = {member.__name__: TypeAdapter[Any](member) for member in members}
    else:
        results = {"": TypeAdapter[Any](result)}
    signature = inspect.signature(function)
    without_self = signature.replace(parameters=list(signature.parameters.values())[1:])
    return ApiMethod(
        name, streams, without_self, {name: TypeAdapter[Any](hint) for name, hint in hints.items()}, results
    )


def to_line(message: Json) -> bytes:
    """One message as a line; half a pair of surrogates, which has no bytes, is escaped as JSON does."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"


def from_line(line: bytes) -> Json:
    """One line as a message.

    Raises:
        ValueError: it is not a JSON object.
    """
    try:
        message = json.loads(line)
    except RecursionError as error:
        raise ValueError("a line of the link nests too deep") from error
    if not isinstance(message, dict):
        raise ValueError("a line of the link is not a JSON object")  # noqa: TRY004 - one error for a bad line
    return message


def pack_error(error: TaleError) -> list[str]:
    """An error for the other side."""
    return [error.code, error.sentence]


def unpack_error(packed: Any) -> TaleError:
    """The error of the other side."""
    match packed:
        case [str(code), str(sentence)]:
            return rebuild(code, sentence)
    return bad_line("an error", ValueError("it has no sentence"))


def bad_line(what: str, error: ValueError | KeyError) -> EngineLost:
    """What is told where a side does not keep to the protocol, be it a window, a command or an engine without either.

    Args:
        what: that was said, for the log.
        error: why nobody understands it; only the log has it.
    """
    log.warning("%s came over the link and is not understood: %s", what, error)
    return EngineLost(NOT_UNDERSTOOD)
