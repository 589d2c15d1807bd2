"""How hard a task is: levels, probabilities, and what happens to files of weights that cannot be used."""

from __future__ import annotations

import json
import threading
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.complexity import LEVELS, Complexity
from tale_tui.domain.constants import REMEMBERED_CHARACTERS
from tale_tui.engine.detect.model import BadWeights
from tale_tui.engine.learning.complexity import ComplexityModel, ComplexityModels, ComplexityWeights, packaged_weights

shared = cache(ComplexityModel.load)


def complexity(text: str) -> Complexity:
    """By the weights of the program."""
    return shared().classify(text).label


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Complexity.SIMPLE),
        ("hello there", Complexity.SIMPLE),
        ("Write a function that doubles every number of a list.", Complexity.SIMPLE),
        ("Translate the sentence below to Danish, please.", Complexity.SIMPLE),
        ("Schreibe ein Haiku über den Regen", Complexity.SIMPLE),
        ("Draft a letter to the landlord of about 300 words about the broken heating.", Complexity.MEDIUM),
        ("Tell the story of a lighthouse keeper in 450 words, and include a storm.", Complexity.MEDIUM),
        ("Build a web application with login, a database and an API for a sailing club.", Complexity.COMPLEX),
        (
            "Build a complete website for my bakery.\n- a start page\n- a menu\n- opening hours\n- a form for orders",
            Complexity.COMPLEX,
        ),
        ("Entwickle eine Webanwendung mit Anmeldung, Datenbank und API für einen Chor", Complexity.COMPLEX),
    ],
)
def test_length_wishes_and_design_count(text: str, expected: Complexity) -> None:
    assert complexity(text) is expected


def test_a_web_scraper_is_more_than_simple() -> None:
    assert complexity("Write a web scraper that collects prices from a shop") is not Complexity.SIMPLE


def test_a_task_is_read_once_however_often_it_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    read = list[str]()

    def extracted(text: str) -> dict[str, float]:
        read.append(text)
        return {}

    monkeypatch.setattr("tale_tui.engine.learning.complexity.extract", extracted)
    model = ComplexityModel.load()
    for text in ("Write a function.", "Write a book.", "Write a function."):
        model.classify(text)
    assert read == ["Write a function.", "Write a book."]
    ComplexityModel.load().classify("Write a book.")
    assert len(read) == 3, "other weights judge anew"
    for _ in range(2):
        model.classify("x" * (REMEMBERED_CHARACTERS + 1))
    assert len(read) == 5, "of a long text nothing stays in memory"


@given(st.text(max_size=3000))
def test_the_probabilities_of_any_text_sum_to_one_and_the_label_is_the_likeliest(text: str) -> None:
    found = shared().classify(text)
    assert sum(found.shares) == pytest.approx(1)
    assert min(found.shares) >= 0
    assert found.shares[LEVELS.index(found.label)] == found.p == max(found.shares)


def test_weights_are_read_as_they_were_written() -> None:
    weights = packaged_weights()
    assert ComplexityWeights.parse(weights.dump()) == weights


@pytest.mark.parametrize(
    "damage",
    [
        {"format": 99},
        {"weights": []},
        {"weights": ["x"]},
        {"thresholds": [1]},
        {"thresholds": [0, 10]},
        {"thresholds": [float("nan"), 0]},
        {"names": None},
        {"facts": 3},
    ],
)
def test_damaged_or_newer_weights_are_refused(damage: dict[str, object]) -> None:
    data = json.loads(packaged_weights().dump()) | damage
    with pytest.raises(BadWeights):
        ComplexityWeights.parse(json.dumps(data))


def test_the_weights_of_the_program_serve_in_place_of_a_damaged_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    learned = tmp_path / "complexity.json"
    learned.write_bytes(b"\xff{")
    assert ComplexityModel.load(learned).classify("a haiku").label is Complexity.SIMPLE
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "the learned weights of complexity cannot be used, those of the program serve"
    ]


def test_weights_learned_on_this_machine_are_taken(tmp_path: Path) -> None:
    learned = tmp_path / "complexity.json"
    learned.write_text(ComplexityWeights((20.0, 10.0), {}).dump(), "utf-8")
    assert ComplexityModel.load(learned).classify("a haiku").label is Complexity.COMPLEX


async def test_the_weights_are_read_in_a_thread_and_nobody_waits_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def load(learned: Path) -> ComplexityModel:
        threads.append(threading.current_thread())
        return ComplexityModel(packaged_weights())

    monkeypatch.setattr(ComplexityModel, "load", load)
    models = ComplexityModels(tmp_path / "complexity.json")
    assert await models.level("hello there") is Complexity.SIMPLE
    assert await models.simple("hello there") == (await models.get()).classify("hello there").shares[0] > 0.5
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
