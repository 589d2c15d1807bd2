"""`tale-tui sessions`, `export` and `import`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tale_tui.cli.output import short_ids
from tale_tui.domain.conversation import Author, ExportFormat, SearchHit, Session

NOON = 1_794_139_200.0
TALES = [
    Session("abcd23456789abcd", "Fibonacci and friends", NOON, NOON + 60, turns=12),
    Session("abce23456789abcd", "日本語のタイトル", NOON, NOON, turns=1, forked_from="abcd23456789abcd"),
]
HIT = SearchHit("abcd23456789abcd", "Fibonacci", "m1", Author.USER, NOON, "the \ue000sequence\ue001\nof it")


@pytest.fixture(autouse=True)
def known(engine: Any) -> None:
    engine.known = list(TALES)
    engine.hits = (HIT,)


@pytest.mark.parametrize("command", [["sessions"], ["sessions", "list"]])
def test_the_list_is_aligned_and_sorts_in_a_pipe(cli: Any, connection: Any, command: list[str]) -> None:
    assert cli(*command).out.splitlines() == [
        "id    title                  turns                  last",
        "abcd  Fibonacci and friends     12  2026-11-08T12:01:00Z",
        "abce  日本語のタイトル           1  2026-11-08T12:00:00Z",
    ]
    assert connection.loaded is False


def test_on_a_terminal_it_fits(cli: Any, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "32")
    engine.known = [dataclasses.replace(TALES[0], title="A title that is much too long for it")]
    head, row = cli("sessions", terminal=True).out.splitlines()
    assert len(head) <= 32
    assert len(row) <= 32
    assert "…" in row
    assert "12" in row


def test_json_has_what_does_not_change_by_itself(cli: Any) -> None:
    result = cli("sessions", "--json")
    assert result.out.count("\n") == 1
    assert json.loads(result.out)["sessions"][0] == {
        "id": "abcd23456789abcd",
        "title": "Fibonacci and friends",
        "created": "2026-11-08T12:00:00Z",
        "updated": "2026-11-08T12:01:00Z",
        "turns": 12,
        "forked_from": None,
    }
    assert cli("sessions", "list", "--json", "--limit", "1").out.count('"id"') == 1


def test_an_empty_list_says_what_makes_one(cli: Any, engine: Any) -> None:
    engine.known = []
    result = cli("sessions")
    assert (result.code, result.out) == (0, "")
    assert "tale-tui chat -m" in result.err
    assert json.loads(cli("sessions", "--json").out) == {"sessions": []}


def test_ids_are_as_long_as_it_takes() -> None:
    assert short_ids(["abcd2222", "abce3333"]) == {"abcd2222": "abcd", "abce3333": "abce"}
    assert short_ids(["abcd2222", "abcd3333"]) == {"abcd2222": "abcd2", "abcd3333": "abcd3"}
    assert short_ids(["same", "same"]) == {"same": "same"}


def test_a_search_shows_where_it_was_found(cli: Any, engine: Any) -> None:
    result = cli("sessions", "search", "the", "sequence")
    assert engine.calls == [("search", "the sequence")]
    assert result.out.splitlines()[1] == "abcd  2026-11-08T12:00:00Z  Fibonacci  the sequence of it"
    [hit] = json.loads(cli("sessions", "search", "x", "--json").out)["hits"]
    assert hit == {
        "session": "abcd23456789abcd",
        "title": "Fibonacci",
        "message": "m1",
        "author": "user",
        "created": "2026-11-08T12:00:00Z",
        "snippet": "the sequence\nof it",
    }


def test_a_search_without_a_hit_says_so(cli: Any, engine: Any) -> None:
    engine.hits = ()
    result = cli("sessions", "search", "x")
    assert (result.code, result.out, result.err) == (0, "", "Nothing was found.\n")


def test_a_session_is_renamed(cli: Any, engine: Any) -> None:
    assert cli("sessions", "rename", "abcd", "New title").out == "New title\n"
    assert engine.calls == [("rename", "abcd23456789abcd", "New title")]


def test_deleting_asks_first(cli: Any, engine: Any) -> None:
    result = cli("sessions", "delete", "abcd")
    assert result.code == 2
    assert "tale-tui sessions delete abcd --yes" in result.err
    assert cli("sessions", "delete", "abcd", stdin="n\n", terminal=True).code == 1
    assert engine.calls == []
    result = cli("sessions", "delete", "abcd", stdin="y\n", terminal=True)
    assert result.code == 0
    assert "Fibonacci and friends" in result.err
    assert engine.calls == [("delete", "abcd23456789abcd")]


def test_several_are_deleted_or_none(cli: Any, engine: Any) -> None:
    assert cli("sessions", "delete", "abcd", "zz", "--yes").code == 2
    assert engine.calls == []
    assert cli("sessions", "delete", "abcd", "abce", "--yes").code == 0
    assert [call[1] for call in engine.calls] == ["abcd23456789abcd", "abce23456789abcd"]


def test_json_stands_behind_the_command(cli: Any) -> None:
    assert cli("sessions", "--json", "rename", "abcd", "x").code == 2


# files


def test_a_session_is_exported_to_standard_output(cli: Any, engine: Any) -> None:
    assert cli("export", "abcd").out == "# Title\n\nWords.\n"
    for json_wanted in (["--format", "json"], ["--json"]):
        assert cli("export", "abcd", *json_wanted).out == '{"format":"tale-tui-session"}\n'
    assert [call[2] for call in engine.calls] == [ExportFormat.MARKDOWN, ExportFormat.JSON, ExportFormat.JSON]


def test_a_session_is_exported_to_a_new_file(cli: Any, tmp_path: Path) -> None:
    file = tmp_path / "talk.md"
    result = cli("export", "abcd", "-o", str(file))
    assert (result.code, result.out, result.err) == (0, "", f"Written to {file}\n")
    assert file.read_text() == "# Title\n\nWords.\n"


def test_a_file_is_replaced_only_by_force(cli: Any, engine: Any, tmp_path: Path) -> None:
    file = tmp_path / "talk.md"
    file.write_text("mine")
    result = cli("export", "abcd", "-o", str(file))
    assert result.code == 2
    assert "--force" in result.err
    assert engine.calls == []
    assert file.read_text() == "mine"
    assert cli("export", "abcd", "-o", str(file), "--force").code == 0
    assert file.read_text() == "# Title\n\nWords.\n"


def test_a_file_that_comes_up_in_between_is_kept(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "talk.md"
    file.write_text("mine")
    monkeypatch.setattr(Path, "exists", lambda self: False)
    assert cli("export", "abcd", "-o", str(file)).code == 2
    assert file.read_text() == "mine"


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_place_that_cannot_be_written_is_said(cli: Any, tmp_path: Path, force: list[str]) -> None:
    (tmp_path / "file").write_text("")
    result = cli("export", "abcd", "-o", str(tmp_path / "file" / "talk.md"), *force)
    assert result.code == 1
    assert "cannot be written" in result.err


def test_an_export_is_taken_in(cli: Any, engine: Any, tmp_path: Path) -> None:
    file = tmp_path / "talk.json"
    file.write_text('{"format":"tale-tui-session"}')
    assert cli("import", str(file)).out == "impoaaaa  Taken in\n"
    assert json.loads(cli("import", "-", "--json", stdin="{}").out) == {
        "sessions": [{"id": "impoaaaa", "title": "Taken in"}]
    }
    assert [call[1] for call in engine.calls] == ['{"format":"tale-tui-session"}', "{}"]


def test_what_is_no_text_is_not_taken_in(cli: Any, engine: Any, tmp_path: Path) -> None:
    file = tmp_path / "talk.json"
    file.write_bytes(b"\xff\xfe\x00")
    result = cli("import", str(file))
    assert result.code == 2
    assert "not text" in result.err
    assert cli("import", str(tmp_path / "nowhere")).code == 2
    assert engine.calls == []


def test_a_file_that_cannot_be_read_is_said(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "talk.json"
    file.write_text("{}")

    def refused(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    result = cli("import", str(file))
    assert result.code == 2
    assert "cannot be read: Permission denied." in result.err
