"""Settings: where they come from, what is said about wrong ones, and how one is written back."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.config.load import load, load_settings, save_setting
from tale_tui.config.paths import Paths, below
from tale_tui.config.problems import SettingsError
from tale_tui.config.settings import ModelPrice, Settings
from tale_tui.domain.errors import BadInput, rebuild
from tale_tui.domain.models import BackendName


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    folders = below(tmp_path)
    folders.make()
    return folders


def read(
    paths: Paths, text: str = "", environ: Mapping[str, str] | None = None, flags: Mapping[str, object] | None = None
) -> Settings:
    if text:
        paths.settings_file.write_text(text, encoding="utf-8")
    return load_settings(paths, flags or {}, environ or {})


def problems(*arguments: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(*arguments)
    return caught.value.problems


# where they come from


def test_without_anything_the_defaults_hold(paths: Paths) -> None:
    assert read(paths) == Settings()


def test_flag_beats_environment_beats_file_beats_default(paths: Paths) -> None:
    file = '[look]\ntheme = "file"\n[chat]\nmax_tokens = 5\nwindow = 6\n'
    environ = {"TALE_LOOK__THEME": "environment", "TALE_CHAT__MAX_TOKENS": "7"}
    settings = read(paths, file, environ, {"look.theme": "flag"})
    assert (settings.look.theme, settings.chat.max_tokens, settings.chat.window) == ("flag", 7, 6)
    assert settings.chat.system == Settings().chat.system


def test_the_constructor_does_not_look_at_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALE_LOOK__THEME", "environment")
    assert Settings().look.theme == "tale-dark"


@pytest.mark.parametrize("backend", BackendName)
def test_the_roles_come_from_the_environment(paths: Paths, backend: BackendName) -> None:
    environ = {"TALE_UX": f"{backend.value}/a/b:c", "TALE_TASK": "auto"}
    settings = read(paths, "", environ)
    assert (settings.ux, settings.task) == (f"{backend.value}/a/b:c", "auto")


def test_an_empty_variable_is_no_value(paths: Paths) -> None:
    assert read(paths, "", {"TALE_UX": "", "TALE_LOOK__THEME": ""}) == Settings()


@pytest.mark.parametrize(
    ("environ", "host"),
    [
        ({"OLLAMA_HOST": "10.0.0.1"}, "10.0.0.1"),
        ({"OLLAMA_HOST": "10.0.0.1", "TALE_OLLAMA__HOST": "ours"}, "ours"),
        ({"OLLAMA_HOST": ""}, "file"),
        ({"OLLAMA_HOST": "no address at all"}, "no address at all"),
    ],
)
def test_ollamas_own_variable_is_honoured_below_ours(paths: Paths, environ: dict[str, str], host: str) -> None:
    assert read(paths, '[ollama]\nhost = "file"\n', environ).ollama.host == host


def test_a_table_may_come_as_json(paths: Paths) -> None:
    settings = read(paths, "", {"TALE_KEYS": '{"chat.stop": "f2"}', "TALE_CHAT": '{"window": 9}'})
    assert (settings.keys, settings.chat.window) == ({"chat.stop": "f2"}, 9)


def test_prices_come_from_the_file_and_from_the_environment(paths: Paths) -> None:
    price = ModelPrice(prompt=2.5, completion=10.0)
    in_file = read(paths, "[prices]\n'openai/m' = { prompt = 2.5, completion = 10.0 }", {})
    in_json = read(paths, "", {"TALE_PRICES": '{"openai/m": {"prompt": 2.5, "completion": 10}}'})
    assert in_file.prices == in_json.prices == {"openai/m": price}


def test_keys_may_be_written_with_and_without_quotes(paths: Paths) -> None:
    assert read(paths, '[keys]\n"chat.stop" = "f2"\nchat.send = "f3"\n').keys == {"chat.stop": "f2", "chat.send": "f3"}


def test_a_flag_of_keys_has_one_name_behind_the_table(paths: Paths) -> None:
    assert read(paths, "", {}, {"keys.chat.stop": "f2"}).keys == {"chat.stop": "f2"}


def test_a_byte_order_mark_does_not_matter(paths: Paths) -> None:
    paths.settings_file.write_bytes(b"\xef\xbb\xbf[chat]\r\nwindow = 9\r\n")
    assert read(paths).chat.window == 9


# what is wrong


@pytest.mark.parametrize(
    ("text", "environ", "flags", "expected"),
    [
        ("[chat]\ntemperature = 3", {}, {}, "{file}: chat.temperature is `3`; it takes a number from 0 to 2."),
        ("[chat]\nmax_tokens = 0", {}, {}, "{file}: chat.max_tokens is `0`; it takes a whole "
         "number from 1 to 10,000,000."),
        ("[chat]\nwindow = 1.5", {}, {}, "{file}: chat.window is `1.5`; it takes a whole number from 0 to 10,000,000."),
        ("[chat]\nthink = 'perhaps'", {}, {}, "{file}: chat.think is `perhaps`; it takes true or false."),
        ("[chat]\nsystem = 3", {}, {}, "{file}: chat.system is `3`; it takes text."),
        ("[limits]\nsilence_s = inf", {}, {}, "{file}: limits.silence_s is `inf`; it takes a number "
         "above 0 and at most 31,536,000."),
        ("[detect]\nchat_to = 0.5", {}, {}, "{file}: detect.chat_to is `0.5`; it takes a number, "
         "at least 0 and below 0.5."),
        ("[tasks]\nper_minute = 99999999999999999999", {}, {}, "{file}: tasks.per_minute is `99999999999999999999`; it "
         "takes a whole number from 1 to 100,000."),
        ("look = 3", {}, {}, "{file}: look is `3`; it takes a table."),
        ("[alerts]\nwebhook = 'https://a:70000/x'", {}, {}, "{file}: alerts.webhook is `https://a:70000/x`; it takes "
         "an address whose port is a number up to 65535, or nothing."),
        ("[keys]\na.b = 3", {}, {}, "{file}: keys.a.b is `3`; it takes text."),
        ("[prices]\n'openai/m' = {prompt = -1}", {}, {}, "{file}: prices.openai/m.prompt is `-1`; it takes a number "
         "from 0 to 1,000,000,000."),
        ("[prices]\n'openai/m' = 3", {}, {}, "{file}: prices.openai/m is `3`; it takes a table."),
        ("[prices]\nm = {prompt = 1}", {}, {}, "{file}: prices.m is `m`; it takes backend/model, as in openai/gpt-4o."),
        (
            "log_level = 'loud'",
            {},
            {},
            "{file}: log_level is `loud`; it takes one of debug, info, warning, error.",
        ),
        (
            "",
            {"TALE_LIMITS__PROBE_S": "0"},
            {},
            "Environment variable TALE_LIMITS__PROBE_S is `0`; it takes a number above 0 and at most 31,536,000.",
        ),
        (
            "",
            {"TALE_UX": "qwen2.5:7b"},
            {},
            "Environment variable TALE_UX is `qwen2.5:7b`; it takes `auto` or backend/model, as in ollama/qwen2.5:7b "
            "(backends are embedded, ollama, openai, scripted).",
        ),
        (
            "",
            {"TALE_TASK": "olama/x"},
            {},
            "Environment variable TALE_TASK is `olama/x`; it takes `auto` or backend/model, as in ollama/qwen2.5:7b "
            "(did you mean `ollama/x`?).",
        ),
        ("", {"TALE_CHAT": "["}, {}, "Environment variable TALE_CHAT is not a table in JSON; set single values, "
         "as in TALE_CHAT__NAME."),
        ("", {}, {"chat.window": "much"}, "--set chat.window is `much`; it takes a whole number from 0 to 10,000,000."),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_place_and_what_would_be_right(
    paths: Paths, text: str, environ: dict[str, str], flags: dict[str, object], expected: str
) -> None:
    assert problems(paths, text, environ, flags) == (expected.format(file=paths.settings_file),)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("[look]\ntheem = 'x'", "look.theem is not a setting; did you mean `look.theme`?"),
        ("theme = 'x'", "theme is not a setting; did you mean `look.theme`?"),
        ("[Look]\ntheme = 'x'", "Look is not a setting; did you mean `look`?"),
        ("[ollma]\nhost = 'x'", "ollma is not a setting; did you mean `ollama`?"),
        ("[chat]\nzzzz = 1", "chat.zzzz is not a setting."),
        ("[prices]\n'openai/m' = {zzzz = 1}", "prices.openai/m.zzzz is not a setting."),
        ("[openai]\napi_key = 'sk-1'", "openai.api_key is not a setting: keys are read from the environment alone "
         "(TALE_OPENAI_KEY)."),
    ],
)  # fmt: skip
def test_an_unknown_name_is_named_with_the_nearest_right_one(paths: Paths, text: str, end: str) -> None:
    assert problems(paths, text) == (f"{paths.settings_file}: {end}",)


def test_a_key_in_the_file_is_not_repeated_in_the_sentence(paths: Paths) -> None:
    assert "sk-secret" not in problems(paths, "[openai]\nkey = 'sk-secret'")[0]


def test_all_that_is_wrong_is_said_at_once(paths: Paths) -> None:
    found = problems(paths, "[chat]\ntemperature = 3\nnope = 1\n", {"TALE_UX": "x"}, {"limits.probe_s": -1})
    assert len(found) == 4
    with pytest.raises(SettingsError) as caught:
        read(paths, "[chat]\ntemperature = 3\nnope = 1\n")
    assert caught.value.sentence.splitlines() == list(caught.value.problems)


def test_the_strongest_source_is_the_one_that_is_named(paths: Paths) -> None:
    [found] = problems(paths, "[chat]\nwindow = 1", {"TALE_CHAT__WINDOW": "x"})
    assert found.startswith("Environment variable TALE_CHAT__WINDOW")


def test_a_broken_file_names_the_line(paths: Paths) -> None:
    [found] = problems(paths, "[look]\ntheme = dark\n")
    assert str(paths.settings_file) in found
    assert "line 2" in found


def test_a_file_that_is_not_text_names_the_line(paths: Paths) -> None:
    paths.settings_file.write_bytes(b"# fine\n\xff\xfe\n")
    assert problems(paths) == (f"{paths.settings_file}, line 2: this is not UTF-8 text.",)


def test_a_file_that_cannot_be_read_is_said(paths: Paths) -> None:
    paths.settings_file.mkdir()
    assert problems(paths) == (f"{paths.settings_file} cannot be read: Is a directory.",)


def test_a_wrong_value_is_shown_safe_and_short(paths: Paths) -> None:
    [found] = problems(paths, "", {"TALE_UX": "\x1b[31m" + "x" * 500})
    assert "\x1b" not in found
    assert len(found) < 300


@given(st.text())
def test_no_file_brings_it_down(text: str) -> None:
    from tale_tui.config.file import parse

    try:
        parse(text, Path("config.toml"))
    except SettingsError as error:
        assert error.sentence


def test_the_error_can_cross_a_process() -> None:
    error = SettingsError(("one.", "two."))
    assert isinstance(error, BadInput)
    again = rebuild(error.code, error.sentence)
    assert isinstance(again, SettingsError)
    assert again.sentence == "one.\ntwo."


# versions


def test_old_names_of_the_roles_are_understood_and_said(paths: Paths) -> None:
    paths.settings_file.write_text('conversation = "ollama/a"\nplanning = "ollama/b"\n')
    loaded = load(paths, {}, {})
    assert (loaded.settings.ux, loaded.settings.task) == ("ollama/a", "ollama/b")
    assert [note.partition(": ")[2] for note in loaded.notes] == [
        "`conversation` is called `ux` now; please rename it.",
        "`planning` is called `task` now; please rename it.",
    ]


def test_a_new_name_beside_an_old_one_wins(paths: Paths) -> None:
    paths.settings_file.write_text('conversation = "ollama/a"\nux = "ollama/b"\n')
    loaded = load(paths, {}, {})
    assert loaded.settings.ux == "ollama/b"
    assert "is not used" in loaded.notes[0]


def test_notes_go_to_the_log_where_nobody_reads_them(paths: Paths, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        read(paths, 'conversation = "ollama/a"\n')
    assert "is called `ux` now" in caplog.text


def test_in_a_file_of_this_version_an_old_name_is_understood_too(paths: Paths) -> None:
    paths.settings_file.write_text('version = 1\nplanning = "ollama/a"\n')
    loaded = load(paths, {}, {})
    assert loaded.settings.task == "ollama/a"
    assert loaded.notes == (f"{paths.settings_file}: `planning` is called `task` now; please rename it.",)


def test_old_names_of_the_roles_are_understood_in_the_environment(paths: Paths) -> None:
    loaded = load(paths, {}, {"TALE_CONVERSATION": "ollama/a", "TALE_PLANNING": "ollama/b", "TALE_TASK": "ollama/c"})
    assert (loaded.settings.ux, loaded.settings.task) == ("ollama/a", "ollama/c")
    assert loaded.notes == (
        "`TALE_CONVERSATION` is called `TALE_UX` now; please rename it.",
        "`TALE_PLANNING` is called `TALE_TASK` now, and `TALE_TASK` is set too: `TALE_PLANNING` is not used.",
    )
    [found] = problems(paths, "", {"TALE_CONVERSATION": "nonsense"})
    assert "Environment variable TALE_CONVERSATION" in found


def test_old_names_of_the_roles_are_understood_in_flags(paths: Paths) -> None:
    loaded = load(paths, {"planning": "ollama/a"}, {})
    assert loaded.settings.task == "ollama/a"
    assert "`planning` is called `task` now" in loaded.notes[0]


@pytest.mark.parametrize(
    ("environ", "enabled"),
    [
        ({"TALE_DETECT": "off"}, False),
        ({"TALE_DETECT": "on"}, True),
        ({"TALE_DETECT": "0"}, False),
        ({"TALE_DETECT": ""}, True),
        ({"TALE_DETECT": "off", "TALE_DETECT__ENABLED": "true"}, True),
        ({"TALE_DETECT": '{"enabled": false}'}, False),
    ],
)
def test_a_word_turns_detection_off(paths: Paths, environ: Mapping[str, str], enabled: bool) -> None:
    assert read(paths, "", environ).detect.enabled is enabled


def test_another_word_is_named_with_its_variable(paths: Paths) -> None:
    [found] = problems(paths, "", {"TALE_DETECT": "perhaps"})
    assert "Environment variable TALE_DETECT is `perhaps`" in found


def test_the_rest_of_the_group_goes_with_the_word(paths: Paths) -> None:
    detect = read(paths, "", {"TALE_DETECT": "off", "TALE_DETECT__TASK_FROM": "0.9"}).detect
    assert (detect.enabled, detect.task_from) == (False, 0.9)


@pytest.mark.parametrize("version", ["2", "'one'", "true", "-1", "1.0"])
def test_another_version_is_refused(paths: Paths, version: str) -> None:
    [found] = problems(paths, f"version = {version}\n")
    assert "version" in found


# writing back


def test_one_setting_is_changed_and_everything_else_stays(paths: Paths) -> None:
    paths.settings_file.write_text(
        "# mine\nversion = 1  # yes\n\n[chat]  # talk\nwindow = 9 # small\n\n[look]\n# old: theme = 'x'\n"
        'theme = "nord"   # nice\ncode_theme = "vim"\n'
    )
    save_setting(paths, "look.theme", "tale-light")
    assert paths.settings_file.read_text() == (
        "# mine\nversion = 1  # yes\n\n[chat]  # talk\nwindow = 9 # small\n\n[look]\n# old: theme = 'x'\n"
        'theme = "tale-light"   # nice\ncode_theme = "vim"\n'
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [("look.theme", "nord"), ("ux", "ollama/a"), ("chat.temperature", 0.5), ("chat.think", False), ("chat.window", 9)],
)
def test_a_setting_is_read_back_as_it_was_written(paths: Paths, key: str, value: object) -> None:
    save_setting(paths, key, value)
    found: Any = load_settings(paths, {}, {})
    for name in key.split("."):
        found = getattr(found, name)
    assert found == value


def test_keys_are_written_by_their_whole_id(paths: Paths) -> None:
    save_setting(paths, "keys.chat.stop", "f2")
    assert read(paths).keys == {"chat.stop": "f2"}


def test_none_takes_a_setting_out(paths: Paths) -> None:
    paths.settings_file.write_text("version = 1\n[chat]\ntemperature = 1\nwindow = 9\n")
    save_setting(paths, "chat.temperature", None)
    save_setting(paths, "chat.think", None)
    assert paths.settings_file.read_text() == "version = 1\n[chat]\nwindow = 9\n"


def test_an_old_file_is_brought_up_to_date_when_it_is_written(paths: Paths) -> None:
    paths.settings_file.write_text('# the small one\nconversation = "ollama/a"\n')
    save_setting(paths, "task", "ollama/b")
    assert load(paths, {}, {}).notes == ()
    assert read(paths).ux == "ollama/a"
    assert paths.settings_file.read_text().startswith("# the small one\n")


@pytest.mark.parametrize("text", ["[look\n", "[chat]\ntemperature = 3\n", "version = 9\n", "nope = 1\n"])
def test_a_wrong_file_is_never_written_over(paths: Paths, text: str) -> None:
    paths.settings_file.write_text(text)
    with pytest.raises(SettingsError):
        save_setting(paths, "look.theme", "nord")
    assert paths.settings_file.read_text() == text


@pytest.mark.parametrize(("key", "value"), [("chat.temperature", 9), ("nope", 1), ("look.nope", 1), ("look", 1)])
def test_a_wrong_value_is_not_written(paths: Paths, key: str, value: object) -> None:
    paths.settings_file.write_text("[chat]\nwindow = 9\n")
    with pytest.raises(SettingsError):
        save_setting(paths, key, value)
    assert paths.settings_file.read_text() == "[chat]\nwindow = 9\n"


def test_a_file_that_cannot_be_replaced_stays(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    paths.settings_file.write_text("[chat]\nwindow = 9\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_setting(paths, "chat.window", 10)
    assert [entry.name for entry in paths.config.iterdir()] == ["config.toml"]
    assert read(paths).chat.window == 9


def test_the_file_is_its_owners_alone_and_a_link_stays_a_link(paths: Paths, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("version = 1\n")
    paths.settings_file.symlink_to(real)
    save_setting(paths, "look.theme", "nord")
    assert paths.settings_file.is_symlink()
    assert 'theme = "nord"' in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o600
