"""`tale-tui chat`: one answer, whole or as it comes."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from typing import Any

import pytest

import tale_tui.cli.chat.chat
from support.waiting import until
from tale_tui.cli.chat.chat import ChatOptions, print_answer
from tale_tui.domain.conversation import Session
from tale_tui.domain.errors import ContextFull, NoModel
from tale_tui.domain.events import (
    ModelLoading,
    PromptProgress,
    Routed,
    ServerAway,
    TextDelta,
    TextSortedAnew,
    TurnCancelled,
    TurnDone,
    TurnFailed,
)
from tale_tui.domain.models import (
    BackendName,
    BackendReport,
    FinishReason,
    ModelInfo,
    ModelRef,
    Role,
    RoleState,
    RoleStatus,
)
from tale_tui.engine.models.scripted import Hold

JSON_FIELDS = [
    "session",
    "reply",
    "backend",
    "model",
    "finish",
    "ttft_ms",
    "load_ms",
    "total_ms",
    "prompt_tokens",
    "completion_tokens",
    "tokens_per_second",
    "task_detected",
    "confidence",
    "task_id",
]
REF = ModelRef(BackendName.OLLAMA, "qwen2.5:7b")
UNSET = RoleStatus(Role.UX, RoleState.UNSET, detail="No model was found on this machine.")
AWAY = RoleStatus(Role.UX, RoleState.AWAY, REF, detail="Ollama does not answer at 127.0.0.1.")


def test_the_backends_are_those_of_the_engine() -> None:
    assert tuple(name.value for name in BackendName) == tale_tui.cli.chat.chat.BACKENDS


def test_a_message_waits_for_the_reply_that_comes_in_its_session(cli: Any, engine: Any) -> None:
    engine.known = [Session("s", "Tea", 0.0, 0.0)]
    started, *_ = turn = engine.answer("s", "theirs", "k", None)
    engine.elsewhere = [turn, (started, TurnCancelled(started.reply))]
    result = cli("chat", "-m", "Is it so?", "--session", "s")
    assert (result.code, result.out) == (0, "It is so.\n")
    assert [call[0] for call in engine.calls] == ["send"] * 3


def test_an_answer_is_printed_as_it_comes_and_nothing_else(cli: Any, connection: Any, engine: Any) -> None:
    result = cli("chat", "-m", "Is it so?")
    assert (result.code, result.out, result.err) == (0, "It is so.\n", "")
    assert engine.calls == [("send", "new0aaaa", "Is it so?", None)]
    assert engine.closed_turns == 1
    assert connection.loaded is True


@pytest.mark.parametrize("arguments", [[], ["chat"]])
def test_text_on_standard_input_is_the_message(cli: Any, engine: Any, arguments: list[str]) -> None:
    result = cli(*arguments, stdin="\n  two\nlines \n\n")
    assert result.out == "It is so.\n"
    assert engine.calls[0][2] == "two\nlines"


def test_a_message_as_option_leaves_standard_input_alone(cli: Any, engine: Any) -> None:
    cli("chat", "-m", "option", stdin="input")
    assert [call[2] for call in engine.calls] == ["option"]


def test_json_is_one_line_alone_with_its_fields_in_order(cli: Any, engine: Any) -> None:
    result = cli("chat", "-m", "Is it so?", "--json", terminal=True)
    assert result.err == ""
    assert result.out.count("\n") == 1
    data = json.loads(result.out)
    assert list(data) == JSON_FIELDS
    assert data == {
        "session": "new0aaaa",
        "reply": "It is so.",
        "backend": "ollama",
        "model": "qwen2.5:7b",
        "finish": None,
        "ttft_ms": 310.0,
        "load_ms": 0.0,
        "total_ms": 420.0,
        "prompt_tokens": 12,
        "completion_tokens": 3,
        "tokens_per_second": 38.0,
        "task_detected": False,
        "confidence": None,
        "task_id": None,
    }


def test_a_person_sees_what_it_cost_on_the_other_stream(cli: Any, engine: Any) -> None:
    result = cli("chat", "-m", "hi", terminal=True)
    assert result.out == "It is so.\n"
    assert "qwen2.5:7b · 0.31 s · 38 tok/s · 3 tok · session new0" in result.err


def test_waiting_is_shown_on_a_terminal_and_taken_away(cli: Any, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.cli.output.ANIMATION_INTERVAL_S", 0.0)
    events = engine.answer("s", "t", "k", None)
    engine.events = (events[0], ModelLoading(REF), PromptProgress(64, 128), *events[1:])
    result = cli("chat", "-m", "hi", terminal=True)
    assert result.out == "It is so.\n"
    assert "loading qwen2.5:7b" in result.err
    assert "reading 64 of 128 tokens" in result.err
    assert cli("chat", "-m", "hi").err == ""


def test_a_session_goes_on_by_the_beginning_of_its_id(cli: Any, engine: Any) -> None:
    engine.known = [Session("abcd2345", "Old", 0, 0)]
    assert cli("chat", "-m", "on", "--session", "ab").code == 0
    assert engine.calls[0][1] == "abcd2345"


def test_an_unknown_session_is_bad_input_and_nothing_is_asked(cli: Any, engine: Any) -> None:
    result = cli("chat", "-m", "on", "--session", "zz")
    assert (result.code, result.out) == (2, "")
    assert result.err == "No session begins with zz.\n"
    assert engine.calls == []


@pytest.mark.parametrize("message", ["", "  \n "])
def test_an_empty_message_is_bad_input(cli: Any, connection: Any, message: str) -> None:
    result = cli("chat", "-m", message)
    assert result.code == 2
    assert "empty" in result.err
    assert connection.loaded is None


def test_what_is_no_text_is_bad_input(cli: Any, engine: Any) -> None:
    result = cli("chat", stdin=b"\x7fELF\x00\x01\xff")
    assert result.code == 2
    assert "not text" in result.err


# without a terminal


@pytest.mark.parametrize("arguments", [[], ["chat"], ["chat", "--session", "ab"]])
def test_without_a_terminal_it_says_what_works(cli: Any, engine: Any, arguments: list[str]) -> None:
    result = cli(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "tale-tui chat -m" in result.err
    assert "tale-tui --plain" in result.err


@pytest.mark.parametrize(
    "arguments", [["chat", "--plain", "-m", "x"], ["chat", "--plain", "--json"], ["--plain", "sessions"]]
)
def test_options_that_do_not_go_together_are_usage(cli: Any, engine: Any, arguments: list[str]) -> None:
    assert cli(*arguments).code == 2


def test_json_without_a_message_is_usage(cli: Any, engine: Any) -> None:
    assert cli("chat", "--json", terminal=True).code == 2


# no model


def test_without_a_model_it_ends_with_3_and_the_command_to_run(cli: Any, engine: Any) -> None:
    engine.role = UNSET
    result = cli("chat", "-m", "hi")
    assert (result.code, result.out) == (3, "")
    assert "tale-tui models pull starter --yes" in result.err
    assert engine.known == []
    assert engine.calls == []


def test_with_yes_the_starter_is_fetched_and_answers(cli: Any, engine: Any) -> None:
    engine.role = UNSET
    result = cli("chat", "-m", "hi", "--yes")
    assert (result.code, result.out) == (0, "It is so.\n")
    assert result.err == "starter 50 %\nstarter 100 %\n"
    assert [call[0] for call in engine.calls] == ["fetch_starter", "send"]


def test_a_model_that_is_away_is_tried_again_and_never_replaced(cli: Any, engine: Any) -> None:
    engine.role = AWAY
    result = cli("chat", "-m", "hi", "--yes")
    assert result.code == 3
    assert "Ollama does not answer at 127.0.0.1." in result.err
    assert "tale-tui models use ux BACKEND/MODEL" in result.err
    assert engine.calls == [("retry_role", Role.UX)]


def test_a_model_that_is_back_answers(cli: Any, engine: Any) -> None:
    engine.role, engine.retried = AWAY, RoleStatus(Role.UX, RoleState.READY, REF)
    assert cli("chat", "-m", "hi").out == "It is so.\n"


@pytest.mark.parametrize("code", ["unreachable", "not_found", "not_available", "no_model"])
def test_a_model_that_goes_away_in_between_ends_with_3(cli: Any, engine: Any, code: str) -> None:
    reply = engine.answer("s", "t", "k", None)[0].reply
    engine.events = (TurnFailed(reply, "Away", "It went away.", code),)
    result = cli("chat", "-m", "hi")
    assert result.code == 3
    assert "It went away." in result.err
    assert "tale-tui models use" in result.err


def test_the_engine_may_say_itself_that_there_is_no_model(cli: Any, engine: Any) -> None:
    engine.errors["chat.send"] = NoModel("Nobody answers.")
    assert cli("chat", "-m", "hi").code == 3


# errors


def test_a_model_that_fails_ends_with_1_and_what_came_stands(cli: Any, engine: Any) -> None:
    reply = engine.answer("s", "t", "k", None)[0].reply
    engine.events = (TextDelta("Half an", 1), TurnFailed(reply, "x", "The server closed it.", "broken_stream"))
    result = cli("chat", "-m", "hi")
    assert (result.code, result.out) == (1, "Half an\n")
    assert result.err == "The answer broke off: The server closed it.\n"


def test_a_stream_that_broke_after_text_is_no_missing_model(cli: Any, engine: Any) -> None:
    reply = engine.answer("s", "t", "k", None)[0].reply
    engine.events = (TextDelta("Half", 1), TurnFailed(reply, "x", "It went away.", "unreachable"))
    assert cli("chat", "-m", "hi").code == 1


def test_an_error_leaves_standard_output_empty_for_a_program(cli: Any, engine: Any) -> None:
    engine.errors["chat.send"] = ContextFull("The window is full.")
    result = cli("chat", "-m", "hi", "--json")
    assert (result.code, result.out) == (1, "")


def test_an_answer_that_was_stopped_elsewhere_is_interrupted(cli: Any, engine: Any) -> None:
    reply = engine.answer("s", "t", "k", None)[0].reply
    engine.events = (TextDelta("Half", 1), TurnCancelled(reply))
    result = cli("chat", "-m", "hi")
    assert (result.code, result.out) == (130, "Half\n")
    assert "kept" in result.err


async def test_who_stops_an_answer_is_told_where_it_is_kept(engine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    engine.events = (TextDelta("Half", 1), Hold(asyncio.Event()))
    asking = asyncio.create_task(print_answer(engine, "hi", ChatOptions(), as_json=False))
    await until(lambda: "Half" in capsys.readouterr().out, "the answer begins")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    written = capsys.readouterr()
    assert (written.out, written.err) == (
        "\n",
        "Stopped. What came is kept, and goes on with: tale-tui chat --session new0\n",
    )


def test_ctrl_c_closes_the_stream_and_ends_with_130(cli: Any, engine: Any) -> None:
    def events(*_: object) -> Any:
        yield TextDelta("Half", 1)
        raise KeyboardInterrupt

    engine.answer = events
    result = cli("chat", "-m", "hi")
    assert (result.code, result.out) == (130, "Half\n")
    assert engine.closed_turns == 1


# which model


def reports(*infos: ModelInfo, **more: Any) -> BackendReport:
    return BackendReport(infos[0].ref.backend, True, models=infos, **more)


SMALL = ModelInfo(ModelRef(BackendName.OLLAMA, "small:latest"))
EMBEDDING = ModelInfo(ModelRef(BackendName.OLLAMA, "embed"), capabilities=("embedding",))
MINE = ModelInfo(ModelRef(BackendName.EMBEDDED, "mine"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--model", "ollama/hf.co/a/b:c"], "ollama/hf.co/a/b:c"),
        (["--backend", "openai", "--model", "a/b"], "openai/a/b"),
        (["--backend", "openai", "--model", "openai/b"], "openai/b"),
        (["--model", "mine"], "embedded/mine"),
        (["--model", "small"], "ollama/small:latest"),
        (["--backend", "embedded"], "embedded/mine"),
        (["--backend", "ollama"], "ollama/small:latest"),
        (["--backend", "scripted"], "scripted/demo"),
    ],
)
def test_a_backend_and_a_model_for_this_turn(
    cli: Any, connection: Any, engine: Any, arguments: list[str], expected: str
) -> None:
    engine.reports = [reports(EMBEDDING, SMALL), reports(MINE)]
    assert cli("chat", "-m", "hi", *arguments).code == 0
    assert str(engine.calls[-1][3]) == expected
    assert connection.loaded is False


def test_the_model_of_the_role_is_preferred_on_its_backend(cli: Any, engine: Any) -> None:
    engine.reports = [reports(SMALL, ModelInfo(REF))]
    cli("chat", "-m", "hi", "--backend", "ollama")
    assert engine.calls[-1][3] == REF


def test_a_model_that_nobody_has_ends_with_3_and_says_what_there_is(cli: Any, engine: Any) -> None:
    engine.reports = [reports(SMALL)]
    result = cli("chat", "-m", "hi", "--model", "nope")
    assert result.code == 3
    assert "Installed: ollama/small:latest." in result.err
    assert "tale-tui models pull nope" in result.err


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (BackendReport(BackendName.OLLAMA, False, detail="Start Ollama."), "Start Ollama."),
        (BackendReport(BackendName.OLLAMA, True), "tale-tui models pull ollama/NAME"),
        (BackendReport(BackendName.OPENAI, True), "ollama has no model."),
    ],
)
def test_a_backend_without_a_model_ends_with_3(cli: Any, engine: Any, report: BackendReport, says: str) -> None:
    engine.reports = [report]
    result = cli("chat", "-m", "hi", "--backend", "ollama")
    assert result.code == 3
    assert says in result.err


def test_the_embedded_backend_fetches_the_starter_only_with_yes(cli: Any, engine: Any) -> None:
    result = cli("chat", "-m", "hi", "--backend", "embedded")
    assert result.code == 3
    assert "tale-tui models pull starter --yes" in result.err
    assert cli("chat", "-m", "hi", "--backend", "embedded", "--yes").code == 0
    assert str(engine.calls[-1][3]) == "embedded/starter-model"


def test_an_unknown_backend_is_usage(cli: Any, engine: Any) -> None:
    assert cli("chat", "-m", "hi", "--backend", "nope").code == 2


# the window


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The screen, replaced; what it was opened with."""
    opened: list[dict[str, Any]] = []

    class App:
        @staticmethod
        def run_app(paths: Any, **options: Any) -> int:
            opened.append({"paths": paths, **options})
            return 0

    monkeypatch.setitem(sys.modules, "tale_tui.ui.app", App)
    return opened


@pytest.mark.parametrize("arguments", [[], ["chat"]])
def test_on_a_terminal_the_window_opens(
    cli: Any, engine: Any, window: list[dict[str, Any]], arguments: list[str]
) -> None:
    assert cli("--set", "look.theme=nord", *arguments, terminal=True).code == 0
    [opened] = window
    assert opened["paths"].data.is_dir()
    assert (opened["session"], opened["demo"], opened["overrides"]) == ("", False, {"look.theme": "nord"})


def test_the_window_opens_with_a_session_and_a_model(cli: Any, engine: Any, window: list[dict[str, Any]]) -> None:
    cli("--session", "ab", terminal=True)
    cli("chat", "--session", "cd", "--backend", "ollama", "--model", "a:b", terminal=True)
    cli("chat", "--model", "embedded/x", terminal=True)
    assert [opened["session"] for opened in window] == ["ab", "cd", ""]
    assert [opened["overrides"].get("ux") for opened in window] == [None, "ollama/a:b", "embedded/x"]
    assert cli("chat", "--backend", "ollama", terminal=True).code == 2


def test_the_demo_has_a_home_of_its_own_that_goes(
    cli: Any, engine: Any, window: list[dict[str, Any]], home: Any
) -> None:
    assert cli("--demo", terminal=True).code == 0
    [opened] = window
    assert opened["demo"] is True
    assert opened["overrides"] == {"ux": "scripted/demo", "task": "scripted/demo"}
    assert home not in opened["paths"].data.parents
    assert not opened["paths"].data.exists()
    assert not home.exists()


# line mode


@pytest.mark.parametrize("arguments", [["--plain"], ["chat", "--plain"]])
def test_line_mode_answers_each_line(cli: Any, engine: Any, arguments: list[str]) -> None:
    result = cli(*arguments, stdin="one\ntwo\nexit\nthree\n")
    assert (result.code, result.out, result.err) == (0, "It is so.\nIt is so.\n", "")
    assert [call[2] for call in engine.calls] == ["one", "two"]


def test_line_mode_ends_with_the_code_of_the_last_error(cli: Any, engine: Any) -> None:
    assert cli("--plain", stdin="/nope\n").code == 2
    engine.errors["chat.send"] = NoModel("Nobody answers.")
    assert cli("--plain", stdin="one\n").code == 3
    engine.errors["chat.send"] = NoModel("Nobody answers.")
    assert cli("--plain", stdin="one\n", terminal=True).code == 0


def test_line_mode_whose_model_is_away_says_what_to_run(cli: Any, engine: Any) -> None:
    reply = engine.answer("s", "t", "k", None)[0].reply
    engine.events = (TurnFailed(reply, "No answer", "Nothing answers there.", "unreachable"),)
    result = cli("--plain", stdin="one\n")
    assert result.code == 3
    assert "Nothing answers there." in result.err
    assert "tale-tui models use ux BACKEND/MODEL" in result.err


def test_line_mode_without_a_model_says_what_to_run(cli: Any, engine: Any) -> None:
    engine.role = UNSET
    result = cli("--plain", stdin="one\n")
    assert result.code == 3
    assert "tale-tui models pull starter --yes" in result.err
    result = cli("chat", "--plain", "--yes", stdin="one\n", terminal=True)
    assert result.code == 0
    assert "\r" not in result.err


def test_line_mode_takes_a_session_and_a_model(cli: Any, engine: Any) -> None:
    engine.known = [Session("abcd2345", "Old", 0, 0)]
    cli("chat", "--plain", "--session", "ab", "--model", "openai/x", stdin="one\n")
    assert engine.calls == [("send", "abcd2345", "one", ModelRef(BackendName.OPENAI, "x"))]


def ended_as(engine: Any, text: str, thinking: str, finish: FinishReason | None) -> None:
    started, *_, done = engine.answer("s", "t", "k", None)
    reply = replace(done.reply, text=text, thinking=thinking, finish=finish)
    engine.events = (started, *([TextDelta(text, 1)] if text else []), TurnDone(reply))


@pytest.mark.parametrize(
    ("text", "thinking", "finish", "words"),
    [
        ("", "", FinishReason.TOOL_CALL, "asked for a tool"),
        ("", "", FinishReason.FILTER, "filter"),
        ("", "hm", FinishReason.STOP, "thought, and ended"),
        ("", "hm", FinishReason.LENGTH, "chat.max_tokens"),
        (" \n", "", FinishReason.STOP, "without a word"),
        ("", "", FinishReason.STOP, "without a word"),
        ("", "", None, "without a word"),
    ],
)
def test_an_answer_without_text_is_one_sentence_and_no_success(
    text: str, thinking: str, finish: FinishReason | None, words: str, cli: Any, engine: Any
) -> None:
    ended_as(engine, text, thinking, finish)
    plain = cli("chat", "-m", "Is it so?")
    assert plain.code == 1
    assert plain.out.strip() == ""
    assert words in plain.err
    assert plain.err.count("\n") == 1
    as_json = cli("chat", "-m", "Is it so?", "--json")
    assert (as_json.code, as_json.err) == (1, plain.err)
    data = json.loads(as_json.out)
    assert (data["reply"], data["finish"]) == (text, finish.value if finish else None)


def test_empty_standard_input_is_named_as_the_cause(cli: Any, engine: Any) -> None:
    for arguments in (["chat"], [], ["submit"], ["submit", "-"], ["detect"]):
        result = cli(*arguments, stdin=" \n")
        assert result.code == 2
        assert "Standard input is empty" in result.err
    assert engine.calls == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"caf\xe9\n", "not UTF-8 (line 1)"),
        (b"one\ntwo\n\xff", "not UTF-8 (line 3)"),
        ("hello".encode("utf-16"), "UTF-16"),
        (b"\x7fELF\x00\xff", "not text"),
    ],
)
def test_what_is_not_utf8_is_refused(data: bytes, words: str, cli: Any, engine: Any) -> None:
    for arguments in (["chat"], ["submit"], ["detect"]):
        result = cli(*arguments, stdin=data)
        assert result.code == 2
        assert words in result.err
    assert engine.calls == []
    assert engine.handed_in == []


def test_a_message_of_the_command_line_that_is_not_utf8_is_refused(cli: Any, engine: Any) -> None:
    for arguments in (["chat", "-m"], ["submit"], ["detect"]):
        result = cli(*arguments, "caf\udce9")
        assert result.code == 2
        assert "not UTF-8" in result.err
    assert engine.calls == []


def test_the_mark_that_some_programs_write_first_is_no_part_of_the_message(cli: Any, engine: Any) -> None:
    cli("chat", stdin=b"\xef\xbb\xbfone\r\ntwo\r\n")
    assert engine.calls[0][2] == "one\ntwo"


def test_thinking_that_was_shown_is_told_apart_on_a_terminal_and_not_piped(cli: Any, engine: Any) -> None:
    started, *_, done = engine.answer("s", "t", "k", None)
    engine.events = (
        started,
        Routed(REF, "it talks", certain=False),
        TextDelta("Two and two.", 1),
        TextSortedAnew("", "Two and two."),
        TextDelta("Four.", 2),
        TurnDone(replace(done.reply, text="Four.", thinking="Two and two.")),
    )
    piped = cli("chat", "-m", "2 + 2?")
    assert (piped.out, piped.err) == ("Four.\n", "")
    shown = cli("chat", "-m", "2 + 2?", terminal=True)
    assert shown.out == "Two and two.\nFour.\n"
    assert "were thinking" in shown.err


@pytest.mark.parametrize("arguments", [["chat", "-m", "Is it so?"], ["chat", "--plain"]])
def test_a_script_reads_why_nothing_happens_while_a_server_is_away(arguments: list[str], cli: Any, engine: Any) -> None:
    started, *rest = engine.answer("s", "t", "k", None)
    away = ServerAway(BackendName.OLLAMA, 1.0, "Nothing answers at http://127.0.0.1:1.")
    engine.events = (started, away, *rest)
    result = cli(*arguments, stdin="Is it so?\n")
    assert (result.code, result.out) == (0, "It is so.\n")
    assert "Nothing answers at http://127.0.0.1:1. It is waited for.\n" in result.err
