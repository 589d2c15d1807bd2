"""Fitting: the same in plain Python as in scikit-learn, repeatable, and never worse after a correction."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tale_tui.engine.detect import training
from tale_tui.engine.detect.features import extract
from tale_tui.engine.detect.model import DetectorModel, DetectorWeights, packaged_weights, read_weights
from tale_tui.engine.detect.training import (
    CORRECTION_WEIGHT,
    KEPT_APART,
    BadExample,
    Example,
    packaged_examples,
    parse_corrections,
    parse_examples,
)

Examples = list[Example]


@pytest.fixture(scope="module")
def fitted(few: Examples) -> training.TrainingFit:
    return training.fit(training.apart(few)[0])


def test_plain_python_says_what_scikit_learn_says(few: Examples, fitted: training.TrainingFit) -> None:
    features = [extract(example.text) for example in few]
    theirs = fitted.estimator.predict_proba(training.matrix(features, fitted.columns))
    ours = DetectorModel(fitted.weights)
    for each, expected in zip(features, theirs.tolist(), strict=True):
        assert ours.shares(each) == pytest.approx(expected, abs=1e-6)


def test_what_is_stored_detects_the_same(few: Examples, fitted: training.TrainingFit) -> None:
    stored = DetectorWeights.parse(fitted.weights.dump())
    for example in few[:50]:
        features = extract(example.text)
        assert DetectorModel(stored).shares(features) == pytest.approx(
            DetectorModel(fitted.weights).shares(features), abs=1e-9
        )


def test_the_same_examples_give_the_same_weights(few: Examples) -> None:
    assert training.learn(few).dump() == training.learn(few).dump()


def test_what_is_kept_apart_is_not_learned_from(few: Examples) -> None:
    seen, kept_apart = training.apart(few)
    assert seen
    assert kept_apart
    assert {example.author for example in kept_apart} == {KEPT_APART}
    assert KEPT_APART not in {example.author for example in seen}
    facts = training.learn(few).facts
    assert (facts["examples"], facts["kept_apart"]) == (len(seen), len(kept_apart))


def test_all_kinds_are_needed() -> None:
    with pytest.raises(ValueError, match="all needed"):
        training.fit([Example("hello", 0.0), Example("write a poem", 1.0)])


@pytest.mark.long
def test_a_message_is_learned_without_its_last_signs_too(few: Examples) -> None:
    signed = [Example("how tall is the tower of pisa?", 0.0)] * 4
    assert "of pisa $" not in training.fit(few).weights.blocks["words"]
    assert "of pisa $" in training.fit([*few, *signed]).weights.blocks["words"]


def test_a_correction_is_learned(few: Examples) -> None:
    current = training.learn(few)
    text = "the usual friday thing"
    before = DetectorModel(current).probability(extract(text))
    corrections = [Example(f"{text}{ending}", 1.0, weight=CORRECTION_WEIGHT) for ending in ("", " please", " again")]
    outcome = training.refit(few, corrections, current)
    assert outcome.after >= outcome.before
    assert outcome.kept
    assert DetectorModel(outcome.weights).probability(extract(text)) > max(before, 0.5)


def test_a_worse_refit_is_rolled_back(few: Examples) -> None:
    current = training.learn(few)
    turned = [replace(each, p=1 - each.p, weight=50.0) for each in few if each.is_clear and each.author != KEPT_APART]
    outcome = training.refit(few, turned, current)
    assert outcome.after < outcome.before
    assert not outcome.kept
    assert outcome.weights is current


def test_of_a_text_corrected_twice_the_last_counts(few: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    learned: list[Example] = []

    def fit(examples: Sequence[Example]) -> training.TrainingFit:
        learned.extend(examples)
        return training.TrainingFit(None, {}, packaged_weights())

    monkeypatch.setattr(training, "fit", fit)
    training.refit(few, [Example("so and so", 1.0), Example("so and so ", 0.0)], packaged_weights())
    assert [each.p for each in learned if each.text.strip() == "so and so"] == [0.0]


# lines


def test_lines_become_examples() -> None:
    lines = ['{"text": "a", "label": "task", "x": 1}', "", '{"text": "b", "label": 0.5, "author": "c"}']
    assert parse_examples(lines) == [Example("a", 1.0), Example("b", 0.5, "c")]


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "[]",
        '{"text": "a"}',
        '{"text": 1, "label": "task"}',
        '{"text": "a", "label": "x"}',
        '{"text": "a", "label": 2}',
    ],
)
def test_a_bad_line_is_named(line: str) -> None:
    with pytest.raises(BadExample, match="line 2"):
        parse_examples(['{"text": "a", "label": "chat"}', line])


def test_the_examples_of_the_program_are_many_and_different() -> None:
    examples = packaged_examples()
    texts = {" ".join(example.text.lower().split()) for example in examples}
    assert len(examples) >= 4000
    assert len(texts) == len(examples)
    assert len({example.author for example in examples}) >= 10


def test_corrections_weigh_more() -> None:
    lines = ['{"text": "a", "label": "chat", "when": 1}']
    assert parse_corrections(lines) == [Example("a", 0.0, weight=CORRECTION_WEIGHT)]


# the command


@pytest.fixture
def short(few: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command with few examples."""
    monkeypatch.setattr(training, "packaged_examples", lambda: few)


@pytest.mark.usefixtures("short")
def test_the_command_writes_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "detector.json"
    assert training.main([str(out)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["kept"]
    assert read_weights(out).facts["accuracy"] == said["accuracy"]
    assert [each.name for each in tmp_path.iterdir()] == ["detector.json"]


@pytest.mark.usefixtures("short")
def test_the_command_refits_over_what_is_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, corrections = tmp_path / "detector.json", tmp_path / "corrections.jsonl"
    training.main([str(out)])
    before = out.read_text("utf-8")
    corrections.write_text('{"text": "the friday thing", "label": "task"}\n', "utf-8")
    capsys.readouterr()
    assert training.main([str(out), "--corrections", str(corrections)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["corrections"] == 1
    assert said["kept"] == (said["after"] >= said["before"]) == (out.read_text("utf-8") != before)


@pytest.mark.long
@pytest.mark.usefixtures("short")
def test_a_worse_refit_writes_nothing(tmp_path: Path, few: Examples, capsys: pytest.CaptureFixture[str]) -> None:
    out, corrections = tmp_path / "detector.json", tmp_path / "corrections.jsonl"
    lines = [
        json.dumps({"text": each.text, "label": 1 - each.p})
        for each in few
        if each.is_clear and each.author != KEPT_APART
    ]
    corrections.write_text("\n".join(lines), "utf-8")
    assert training.main([str(out), "--corrections", str(corrections)]) == 0
    assert not json.loads(capsys.readouterr().out)["kept"]
    assert not out.exists()


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("text", [None, "not json\n"])
def test_unreadable_corrections_change_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    corrections = tmp_path / "corrections.jsonl"
    if text is not None:
        corrections.write_text(text, "utf-8")
    assert training.main([str(tmp_path / "out.json"), "--corrections", str(corrections)]) == 2
    said = json.loads(capsys.readouterr().out)
    assert not said["kept"]
    assert said["error"]
    assert not (tmp_path / "out.json").exists()


def test_the_packaged_weights_are_those_of_the_packaged_examples() -> None:
    weights = packaged_weights()
    seen, kept_apart = training.apart(packaged_examples())
    assert (weights.facts["examples"], weights.facts["kept_apart"]) == (len(seen), len(kept_apart))
    assert round(training.accuracy(weights, kept_apart), 4) == weights.facts["accuracy"]
    assert (weights.sharpness, weights.doubt) == (training.SHARPNESS, training.DOUBT)


@pytest.mark.long
@pytest.mark.process
def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tale_tui.engine.detect.training", "--help"], capture_output=True, text=True, check=True
    )
    assert "--corrections" in done.stdout
