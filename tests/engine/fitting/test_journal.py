"""The history of what was learned: the way back, what is left out, and files that are damaged or half written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.errors import BadInput, CannotUndo
from tale_tui.domain.learning import LearnedPart, LearningEvent, LearningOutcome, LearningReport
from tale_tui.engine.fitting.journal import VERSIONS_KEPT, LearningJournal
from tale_tui.engine.learning.complexity import ComplexityModel, ComplexityWeights
from tale_tui.engine.learning.complexity_learning import complexity_journal

BETTER = LearningReport(True, 0.8, 0.9, examples=30, kept_apart=10, changed=1, changes=("a: simple -> medium",))
WORSE = LearningReport(False, 0.8, 0.7)


@pytest.fixture
def journal(tmp_path: Path) -> LearningJournal:
    return complexity_journal(tmp_path / "complexity.json")


def learn(journal: LearningJournal, weights: str, at: float) -> LearningEvent:
    """A fit that found better weights."""
    journal.prepare()
    journal.learned.write_text(weights, "utf-8")
    event = journal.add_fit(BETTER, at)
    assert event is not None
    return event


def names(journal: LearningJournal) -> set[str]:
    return {each.name for each in journal.learned.parent.iterdir()}


def test_each_fit_is_noted_with_what_it_changed(journal: LearningJournal) -> None:
    first, second = learn(journal, "one", 10), learn(journal, "two", 20)
    assert (first.id, first.first, second.id, second.first) == ("complexity-1", True, "complexity-2", False)
    assert (second.since, second.at, second.report) == (10, 20, BETTER)
    history = journal.read()
    assert history.events == (first, second)
    assert history.looked == 20


def test_an_undo_brings_back_what_was_there_before_and_the_first_one_the_weights_of_the_program(
    journal: LearningJournal,
) -> None:
    for number, weights in enumerate(("one", "two", "three"), 1):
        learn(journal, weights, number * 10)
    assert journal.undo("complexity-3", 40).undone == 40
    assert journal.learned.read_text() == "two"
    journal.undo("complexity-1", 50)
    assert not journal.learned.exists()
    assert [event.undone for event in journal.read().events] == [50, 50, 40]


def test_what_an_undone_fit_was_learned_from_is_left_out(journal: LearningJournal) -> None:
    learn(journal, "one", 10)
    learn(journal, "two", 20)
    journal.undo("complexity-2", 25)
    history = journal.read()
    assert [history.is_left_out(time) for time in (5, 10, 15, 20, 25, 26)] == [False, False, True, True, True, False]


def test_a_reset_leaves_out_all_there_was_until_it_is_undone(journal: LearningJournal) -> None:
    learn(journal, "one", 10)
    event = journal.reset(20)
    assert (event.id, event.outcome) == ("complexity-2", LearningOutcome.RESET)
    assert not journal.learned.exists()
    history = journal.read()
    assert [history.is_left_out(time) for time in (1, 20, 21)] == [True, True, False]
    journal.undo(event.id, 30)
    assert journal.learned.read_text() == "one"
    assert not any(journal.read().is_left_out(time) for time in (1, 20, 21))


def test_a_fit_that_did_worse_leaves_only_a_note(journal: LearningJournal) -> None:
    learn(journal, "one", 10)
    before = names(journal)
    journal.prepare()
    event = journal.add_fit(WORSE, 20)
    assert event is not None
    assert event.outcome is LearningOutcome.DROPPED
    assert names(journal) == before
    assert not journal.read().is_left_out(15)
    with pytest.raises(CannotUndo, match="dropped at once"):
        journal.undo(event.id, 30)


def test_a_fit_that_failed_is_no_event_and_is_not_begun_again_at_once(journal: LearningJournal) -> None:
    journal.prepare()
    assert journal.add_fit(LearningReport(False, error="no disk"), 20) is None
    assert (journal.read().events, journal.read().looked) == ((), 20)


def test_a_process_that_is_killed_in_the_middle_of_a_fit_loses_nothing(journal: LearningJournal) -> None:
    learn(journal, "one", 10)
    journal.prepare()
    journal.learned.with_name("complexity.json.new").write_text("half", "utf-8")  # the end of the story
    assert journal.learned.read_text() == "one"
    learn(journal, "two", 20)
    journal.undo("complexity-2", 30)
    assert journal.learned.read_text() == "one"


def test_only_the_last_changes_can_be_undone(journal: LearningJournal) -> None:
    for number in range(1, VERSIONS_KEPT + 3):
        learn(journal, str(number), number)
    with pytest.raises(CannotUndo, match="too long ago"):
        journal.undo("complexity-2", 99)
    journal.undo("complexity-3", 99)
    assert journal.learned.read_text() == "2"


@pytest.mark.parametrize("name", ["complexity-9", "", "x"])
def test_what_was_never_learned_cannot_be_undone(journal: LearningJournal, name: str) -> None:
    with pytest.raises(BadInput, match="Nothing was learned"):
        journal.undo(name, 1)


def test_nothing_is_undone_twice(journal: LearningJournal) -> None:
    learn(journal, "one", 10)
    journal.undo("complexity-1", 20)
    with pytest.raises(CannotUndo, match="already"):
        journal.undo("complexity-1", 30)


@pytest.mark.parametrize("text", [b"", b"\xff", b"[]", b'{"format": 99}', b'{"events": 3}'])
def test_a_history_that_is_damaged_or_newer_is_none_and_learning_goes_on(journal: LearningJournal, text: bytes) -> None:
    (journal.learned.parent / "complexity.json.history").write_bytes(text)
    assert journal.read().events == ()
    assert learn(journal, "one", 10).id == "complexity-1"
    assert len(journal.read().events) == 1


def test_for_weights_of_another_format_everything_is_new(journal: LearningJournal) -> None:
    learn(journal, "one", 10)
    newer = LearningJournal(journal.learned, LearnedPart.COMPLEXITY, 99)
    assert newer.read().looked == 0
    assert len(newer.read().events) == 1


def test_learned_weights_that_cannot_be_read_are_said_in_one_sentence(
    journal: LearningJournal, caplog: pytest.LogCaptureFixture
) -> None:
    assert journal.problem() == ""
    journal.learned.write_text('{"format": 99}', "utf-8")
    assert journal.problem() == (
        "What complexity learned on this machine cannot be read (it is damaged, or of another version), so what comes "
        "with the program serves until it has learned again."
    )
    assert "weights of format 99" in caplog.text
    journal.learned.write_text(ComplexityWeights((1.0, 0.0), {}).dump(), "utf-8")
    assert journal.problem() == ""


@given(st.lists(st.floats(-9, 9), min_size=3, max_size=3), st.text(max_size=200))
def test_an_undo_restores_the_decision_for_every_text(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[float], text: str
) -> None:
    journal = complexity_journal(tmp_path_factory.mktemp("data") / "complexity.json")
    high, low, other = numbers
    learn(journal, ComplexityWeights((max(high, low), min(high, low)), {"words few": other}).dump(), 10)
    before = ComplexityModel.load(journal.learned).classify(text)
    event = learn(journal, ComplexityWeights((other, other - 1), {}).dump(), 20)
    journal.undo(event.id, 30)
    assert ComplexityModel.load(journal.learned).classify(text) == before


def test_a_change_that_was_cut_off_goes_back_to_what_was_in_use(journal: LearningJournal) -> None:
    learn(journal, "one", 10)
    before = names(journal)
    journal.prepare()
    journal.learned.write_text("nobody noted this", "utf-8")
    assert journal.recover()
    assert journal.learned.read_text() == "one"
    assert names(journal) == before
    assert not journal.recover()
    assert [event.id for event in journal.read().events] == ["complexity-1"]


def test_the_first_fit_that_was_cut_off_leaves_the_weights_of_the_program(journal: LearningJournal) -> None:
    journal.prepare()
    journal.learned.write_text("nobody noted this", "utf-8")
    assert journal.recover()
    assert names(journal) == {"complexity.json.history"}


@pytest.mark.parametrize("change", ["prepare", "reset", "undo"])
def test_each_change_first_takes_back_what_was_cut_off(journal: LearningJournal, change: str) -> None:
    learn(journal, "one", 10)
    journal.prepare()
    journal.learned.write_text("nobody noted this", "utf-8")
    if change == "prepare":
        journal.prepare()
        assert journal.learned.read_text() == "one"
    elif change == "reset":
        journal.undo(journal.reset(20).id, 30)
        assert journal.learned.read_text() == "one"
    else:
        journal.undo("complexity-1", 20)
        assert not journal.learned.exists()


def test_going_back_may_itself_be_cut_off(journal: LearningJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    learn(journal, "one", 10)
    journal.prepare()
    journal.learned.write_text("nobody noted this", "utf-8")
    with monkeypatch.context() as cut:
        cut.setattr("tale_tui.engine.fitting.journal.write_whole", lambda *_: (_ for _ in ()).throw(OSError("cut")))
        with pytest.raises(OSError, match="cut"):
            journal.recover()
    journal.recover()
    assert journal.learned.read_text() == "one"
    assert not journal.read().changing


@pytest.mark.parametrize("text", [b"", b'{"format": 99}', b'{"events": 3}', b'{"format": 1, "events": [{"id'])
def test_a_history_that_cannot_be_read_is_said_in_one_sentence_and_kept(journal: LearningJournal, text: bytes) -> None:
    file = journal.learned.parent / "complexity.json.history"
    file.write_bytes(text)
    said = journal.problem()
    assert said.startswith("When complexity learned what cannot be read (it is damaged, or of another version), so")
    assert said.count(". ") == 0
    learn(journal, "one", 10)
    assert (journal.learned.parent / "complexity.json.history.unreadable").read_bytes() == text
    assert len(journal.read().events) == 1


def test_a_history_that_must_not_be_read_is_said_in_the_words_of_the_system(journal: LearningJournal) -> None:
    (journal.learned.parent / "complexity.json.history").mkdir()
    assert journal.problem().startswith("When complexity learned what cannot be read (Is a directory), so")
