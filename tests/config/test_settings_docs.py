"""The template of the settings file and the manual say what the code does."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

import tale_tui
from tale_tui.config.file import FILE_VERSION
from tale_tui.config.load import load_settings
from tale_tui.config.paths import below
from tale_tui.config.problems import takes
from tale_tui.config.settings import Settings

TEMPLATE = Path(tale_tui.__file__).with_name("config") / "template.toml"
MANUAL = Path(__file__).parents[2] / "docs" / "settings.md"


def every_setting() -> Iterator[tuple[str, FieldInfo]]:
    for top, field in Settings.model_fields.items():
        inner: dict[str, FieldInfo] | None = getattr(field.annotation, "model_fields", None)
        if inner is None:
            yield top, field
        else:
            yield from ((f"{top}.{name}", each) for name, each in inner.items())


@pytest.mark.parametrize(("key", "field"), every_setting())
def test_the_manual_has_every_setting_as_it_is(key: str, field: FieldInfo) -> None:
    variable = "TALE_" + key.upper().replace(".", "__")
    default = "not set" if field.default is None else f"`{json.dumps(field.default)}`"
    row = f"| `{key}` | `{variable}` | {takes(field)} | {default} | "
    [line] = [line for line in MANUAL.read_text().splitlines() if line.startswith(f"| `{key}` |")]
    assert line.startswith(row)
    assert len(line) > len(row) + 10


def test_the_manual_has_no_other_setting() -> None:
    named = set(re.findall(r"^\| `([a-z_.]+)` \| `TALE_", MANUAL.read_text(), re.MULTILINE))
    assert named == {key for key, _ in every_setting()}


def test_the_template_as_it_is_changes_nothing(tmp_path: Path) -> None:
    paths = below(tmp_path)
    paths.make()
    paths.settings_file.write_text(TEMPLATE.read_text())
    assert tomllib.loads(TEMPLATE.read_text())["version"] == FILE_VERSION
    assert load_settings(paths, {}, {}) == Settings()


def test_the_template_has_every_setting_commented_out_with_its_default(tmp_path: Path) -> None:
    without_comment = re.sub(r"^# (?=(?:[a-z_]+|\"[a-z.]+\") = )", "", TEMPLATE.read_text(), flags=re.MULTILINE)
    table = tomllib.loads(without_comment)
    for key, field in every_setting():
        group, _, name = key.partition(".")
        value = table[group][name] if name else table[group]
        if key == "keys":
            assert value == {"chat.stop": "escape,ctrl+g"}
        elif field.default is not None:
            assert value == field.default, key
    paths = below(tmp_path)
    paths.make()
    paths.settings_file.write_text(without_comment)
    assert load_settings(paths, {}, {}).chat.temperature == 0.7
