"""Style sheets that many windows have are parsed once, not once a window: a tenth of the time of a test of a window."""

from __future__ import annotations

from typing import Any

from textual.css import stylesheet

_parse = stylesheet.parse
_tokenize_values = stylesheet.tokenize_values
_rules: dict[tuple[Any, ...], list[Any]] = {}
_values: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}


def _parsed_once(
    scope: str,
    css: str,
    read_from: tuple[str, str],
    variable_tokens: dict[str, Any],
    is_default_rules: bool = False,
    tie_breaker: int = 0,
) -> list[Any]:
    """As Textual parses a style sheet; it shares the rules of one among the widgets of a window as well.

    Args: see `textual.css.parse.parse`. The tokens of variables are those that `_tokenized_once` gave, and live on.
    """
    key = (scope, css, read_from, id(variable_tokens), is_default_rules, tie_breaker)
    if key not in _rules:
        _rules[key] = list(
            _parse(
                scope,
                css,
                read_from,
                variable_tokens=variable_tokens,
                is_default_rules=is_default_rules,
                tie_breaker=tie_breaker,
            )
        )
    return _rules[key]


def _tokenized_once(values: dict[str, str]) -> dict[str, Any]:
    """The tokens of the variables of a theme, the same object for the same variables."""
    key = tuple(values.items())
    if key not in _values:
        _values[key] = _tokenize_values(values)
    return _values[key]


def parse_once() -> None:
    """From now on in this process."""
    stylesheet.parse = _parsed_once  # type: ignore[assignment]
    stylesheet.tokenize_values = _tokenized_once
