"""`tale-tui detect`: one message, or many as lines of JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tale_tui.engine.detect.detector import Detection, Detector

TASK = "Write a Python function that merges two sorted lists."


def test_it_says_label_confidence_and_evidence(cli: Any, connection: Any) -> None:
    result = cli("detect", TASK)
    first, *reasons = result.out.splitlines()
    assert result.code == 0
    assert result.err == ""
    label, confidence = first.split()
    assert label == "task"
    assert 0.7 <= float(confidence) <= 0.99
    assert reasons
    assert all(line.startswith(("  task: ", "  chat: ")) for line in reasons)
    assert connection.loaded is None


def test_json_is_one_line(cli: Any) -> None:
    result = cli("detect", "hello there", "--json")
    data = json.loads(result.out)
    assert result.out.count("\n") == 1
    assert (data["label"], data["band"]) == ("chat", "chat")
    assert 0 < data["p"] < 0.3
    assert isinstance(data["evidence"], list)


def test_a_message_may_come_on_standard_input(cli: Any) -> None:
    assert cli("detect", stdin=TASK).out == cli("detect", TASK).out


def test_it_may_be_several_words(cli: Any) -> None:
    assert cli("detect", *TASK.split()).out == cli("detect", TASK).out


def test_an_unsure_one_says_so(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def detect(self: Detector, text: str) -> Detection:
        from tale_tui.domain.tasks import DetectLabel

        return Detection(0.61, DetectLabel.TASK, lambda: ("task: a verb of work",))

    monkeypatch.setattr(Detector, "detect", detect)
    assert cli("detect", "explain tides").out == "task 0.61  not sure: you would be asked\n  task: a verb of work\n"


def test_lines_are_answered_in_order(cli: Any) -> None:
    rows = [{"id": "a", "text": TASK, "other": [1]}, {"id": 7, "text": ""}, {"id": None, "text": "hi", "label": "x"}]
    result = cli("detect", "--jsonl", stdin="\n".join(map(json.dumps, rows)) + "\n\n")
    answers = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == 0
    assert [answer["id"] for answer in answers] == ["a", 7, None]
    assert [answer["label"] for answer in answers] == ["task", "chat", "chat"]
    assert all(set(answer) == {"id", "p", "label"} and 0 < answer["p"] < 1 for answer in answers)


def test_no_lines_are_no_answers(cli: Any) -> None:
    result = cli("detect", "--jsonl")
    assert (result.code, result.out) == (0, "")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"id": NaN, "text": "hi"}', "not JSON"),
        ('{"id": 1e999, "text": "hi"}', "not JSON"),
        ("[1]", "no id"),
        ('{"id": 1}', "no text"),
        ('{"id": 1, "text": 2}', "no text"),
    ],
)
def test_a_bad_line_is_named(cli: Any, line: str, said: str) -> None:
    result = cli("detect", "--jsonl", stdin=f'{{"id": 1, "text": "hi"}}\n{line}\n')
    assert result.code == 2
    assert "Line 2" in result.err
    assert said in result.err
    assert result.out.count("\n") == 1


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_nothing_is_refused(cli: Any, text: str) -> None:
    result = cli("detect", text)
    assert (result.code, result.out) == (2, "")
    assert "no text" in result.err


@pytest.mark.parametrize("arguments", [["--jsonl", "x"], ["--jsonl", "--json"]])
def test_options_that_do_not_go_together(cli: Any, arguments: list[str]) -> None:
    assert cli("detect", *arguments).code == 2


def test_on_a_terminal_a_text_is_wanted(cli: Any) -> None:
    result = cli("detect", terminal=True)
    assert (result.code, result.out) == (2, "")
    assert "what is to be judged" in result.err


def test_control_sequences_are_not_shown(cli: Any) -> None:
    result = cli("detect", "write \x1b[31ma poem\x07 <script>[/]")
    assert result.code == 0
    assert "\x1b" not in result.out
    assert "\x07" not in result.out


def test_learned_weights_are_used(cli: Any, home: Path) -> None:
    (home / "data").mkdir(parents=True)
    (home / "data" / "detector.json").write_text("{}")
    assert cli("detect", TASK).out.startswith("task")


def test_the_bounds_are_those_of_the_settings(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALE_DETECT__TASK_FROM", "1.0")
    result = cli("detect", TASK, "--json")
    assert json.loads(result.out)["band"] == "unsure"
    assert "you would be asked" in cli("detect", TASK).out


def test_it_says_that_detection_is_off(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALE_DETECT", "off")
    result = cli("detect", TASK)
    assert result.code == 0
    assert result.out.startswith("task ")
    assert "turned off" in result.err
