"""Reads settings: flag > environment > file > default; a wrong value is named with its place."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource
from pydantic_settings import SettingsError as EnvironmentUnreadable

from tale_tui.config import file
from tale_tui.config.first_frame import flat_keys
from tale_tui.config.names import PREFIX, EnvironmentVariables, own_variables, rename_roles
from tale_tui.config.paths import Paths
from tale_tui.config.problems import SettingsError, Source, explain
from tale_tui.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and what is worth saying about them."""

    settings: Settings
    notes: tuple[str, ...] = ()
    """Old names that were understood, a sentence each."""


def load(
    paths: Paths, overrides: Mapping[str, object] | None = None, environ: Mapping[str, str] = os.environ
) -> Loaded:
    """Read and check all settings.

    Args:
        paths: where the file is; it need not exist.
        overrides: dotted key -> value, from flags; text is read as in the environment.
        environ: the environment.
    Raises:
        SettingsError: what is wrong, each with its place and what would be right.
    """
    contents = file.parse(file.read_text(paths.settings_file), paths.settings_file)
    variables = own_variables(environ)
    flags = dict(overrides or {})
    notes = (*rename_roles(flags), *variables.notes, *contents.notes)
    settings = _checked(_from_flags(flags), _from_environment(variables), _from_file(contents.values, paths))
    return Loaded(settings, notes)


def load_settings(
    paths: Paths, overrides: Mapping[str, object] | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """As `load`, for those who have no place for notes: they go to the log."""
    loaded = load(paths, overrides, environ)
    for note in loaded.notes:
        logging.getLogger(__name__).warning(note)
    return loaded.settings


def save_setting(paths: Paths, dotted_key: str, value: object) -> None:
    """Change one setting in the file; comments, order and everything else stay as the user wrote them.

    Args:
        paths: where the file is; it is made where there is none.
        dotted_key: as in `look.theme`.
        value: of a type that TOML has; None takes the setting out, back to its default.
    Raises:
        SettingsError: the file is wrong, or would be; it is as it was.
        OSError: it cannot be written; it is as it was.
    """
    path = paths.settings_file
    text = file.read_text(path)
    _checked(_from_file(file.parse(text, path).values, paths))
    text = file.edited(text, path, dotted_key, value)
    _checked(_from_file(file.parse(text, path).values, paths))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.replace(path, text)


def _checked(*sources: Source) -> Settings:
    """The settings of these sources, the strongest first."""
    merged: dict[str, Any] = {}
    for source in reversed(sources):
        for name, value in source.values.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
            merged[name] = {**merged[name], **value} if both else value
    try:
        return Settings(**merged)
    except ValidationError as error:
        raise explain(error, Settings, sources) from error


def _from_flags(overrides: Mapping[str, object]) -> Source:
    values: dict[str, Any] = {}
    for dotted, value in overrides.items():
        group, _, name = dotted.partition(".")
        if name:
            values.setdefault(group, {})[name] = value
        else:
            values[group] = value
    return Source(values, lambda path: f"--set {'.'.join(path)}")


def _from_environment(variables: EnvironmentVariables) -> Source:
    def place(path: tuple[str, ...]) -> str:
        return f"Environment variable {variables.spelled(PREFIX + '__'.join(path).upper())}"

    source = EnvSettingsSource(Settings, case_sensitive=False)
    # What was given, instead of the variables of the process.
    source.env_vars = {name.lower(): value for name, value in variables.environ.items() if value}
    try:
        return Source(source(), place)
    except EnvironmentUnreadable as error:
        names = [PREFIX + name.upper() for name in Settings.model_fields if name in str(error)]
        raise SettingsError(
            tuple(
                f"Environment variable {name} is not a table in JSON; set single values, as in {name}__NAME."
                for name in names
            )
        ) from error


def _from_file(values: Mapping[str, Any], paths: Paths) -> Source:
    if isinstance(values.get("keys"), Mapping):
        values = {**values, "keys": dict(flat_keys(values["keys"]))}
    return Source(values, lambda path: f"{paths.settings_file}: {'.'.join(path)}")
