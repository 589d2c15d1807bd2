"""What was learned when, kept beside the weights, with the weights that were in use before: for the way back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile

from pydantic import TypeAdapter, ValidationError

from tale_tui.domain.errors import BadInput, CannotUndo
from tale_tui.domain.learning import LearnedPart, LearningEvent, LearningOutcome, LearningReport
from tale_tui.domain.text import clean_line, reason_of
from tale_tui.engine.fitting.child import write_whole

FORMAT = 1
SUFFIX = ".history"
"""Of the file beside the weights."""
ASIDE = ".unreadable"
"""At the end of the name of a history that could not be read."""
VERSIONS_KEPT = 5
"""So many changes can be undone: of each the weights before it are kept."""
EVENTS_KEPT = 200

DAMAGED = "it is damaged, or of another version"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LearningHistory:
    """What a journal has.

    Attributes:
        events: the oldest first.
        looked: what came until this time was learned from, or was not worth it.
        weights_format: of the weights that were learned then; for those of another one everything is new.
        format: of the file.
        count: the number of the last event.
        changing: whether the weights are about to change; where nobody is changing them, that was cut off.
    """

    events: tuple[LearningEvent, ...] = ()
    looked: float = 0.0
    weights_format: int = 0
    format: int = FORMAT
    count: int = 0
    changing: bool = False

    def is_left_out(self, created: float) -> bool:
        """Whether something is not to be learned from any more: the user undid what it taught, or had it forgotten."""
        return any(
            event.since < created <= (event.at if event.undone is None else event.undone)
            for event in self.events
            if (event.outcome is LearningOutcome.RESET) is (event.undone is None)
            and event.outcome is not LearningOutcome.DROPPED
        )


_HISTORY = TypeAdapter(LearningHistory)


class LearningJournal:
    """The history of one part. It reads and writes files: call it in a thread.

    Args:
        learned: the file of its weights, whether there are any yet or not.
        part: whose.
        weights_format: of the weights that this version reads.
        check: raises ValueError for a file of weights that cannot be used.
    """

    def __init__(
        self, learned: Path, part: LearnedPart, weights_format: int, check: Callable[[bytes], object] | None = None
    ) -> None:
        self.learned = learned
        self.part = part
        self._format = weights_format
        self._check = check
        self._file = learned.with_name(f"{learned.name}{SUFFIX}")
        self._aside = learned.with_name(f"{learned.name}{SUFFIX}{ASIDE}")

    def read(self) -> LearningHistory:
        """What is there; nothing where the file is damaged or of another version."""
        try:
            found = self._parsed()
        except FileNotFoundError:
            return LearningHistory(weights_format=self._format)
        except (OSError, ValueError) as error:
            log.warning("the history of what %s learned cannot be read: %s", self.part, error)
            return LearningHistory(weights_format=self._format)
        return found if found.weights_format == self._format else replace(found, looked=0.0)

    def problem(self) -> str:
        """One sentence where weights or their history are there and cannot be used; else empty."""
        try:
            if self._check is not None and self.learned.exists():
                self._check(self.learned.read_bytes())
        except (OSError, ValueError) as error:
            return (
                f"What {self.part} learned on this machine cannot be read ({self._reason(error)}), so what comes "
                "with the program serves until it has learned again."
            )
        try:
            if self._file.exists():
                self._parsed()
        except (OSError, ValueError) as error:
            return (
                f"When {self.part} learned what cannot be read ({self._reason(error)}), so nothing of it can be "
                f"undone and nothing is left out; {self._file.name} stays until something is learned, and then beside "
                f"it as {self._aside.name}."
            )
        return ""

    def _reason(self, error: OSError | ValueError) -> str:
        if isinstance(error, OSError):
            return reason_of(error)
        log.warning("a file of what %s learned cannot be read: %s", self.part, error)
        return DAMAGED

    def prepare(self) -> None:
        """Keep the weights in use before a change of them: where it is cut off, `recover` goes back to them.

        Raises:
            OSError: they cannot be copied.
        """
        self.recover()
        history = self.read()
        before = self._before(history.count + 1)
        before.unlink(missing_ok=True)
        if self.learned.exists():
            copyfile(self.learned, before)
        self._write(replace(history, changing=True))

    def recover(self) -> bool:
        """Go back to the weights before a change that was cut off, by a kill or because its note could not be written.

        Returns:
            Whether there are other weights now.
        Raises:
            OSError: they cannot be put back.
        """
        history = self.read()
        if not history.changing:
            return False
        before = self._before(history.count + 1)
        kept, now = (path.read_bytes() if path.exists() else None for path in (before, self.learned))
        if kept is None:
            self.learned.unlink(missing_ok=True)
        elif kept != now:
            self._put_back(before)
        self._write(replace(history, changing=False))
        before.unlink(missing_ok=True)
        if kept != now:
            log.warning("%s was cut off while it learned, and goes on with what it knew before", self.part)
        return kept != now

    def add_fit(self, report: LearningReport, at: float) -> LearningEvent | None:
        """Note a fit that was prepared; None where there was none, because of an error.

        Raises:
            OSError: it cannot be written.
        """
        history = self.read()
        before = self._before(history.count + 1)
        event = None
        if not report.error:
            outcome = LearningOutcome.LEARNED if report.kept else LearningOutcome.DROPPED
            event = self._event(history, outcome, at, history.looked, report)
        if event is None or not report.kept:
            before.unlink(missing_ok=True)
        self._write(self._grown(history, event, at))
        return event

    def reset(self, at: float) -> LearningEvent:
        """Forget everything that was learned, and leave out what came until now.

        Raises:
            OSError: it cannot be written.
        """
        self.prepare()
        history = self.read()
        event = self._event(history, LearningOutcome.RESET, at, 0.0, LearningReport(kept=True))
        self.learned.unlink(missing_ok=True)
        self._write(self._grown(history, event, at))
        return event

    def undo(self, event_id: str, at: float) -> LearningEvent:
        """Take the weights that were in use before an event; what came after it is undone too.

        Raises:
            BadInput: there is no such event.
            CannotUndo: it cannot be undone, or not any more.
            OSError: it cannot be written.
        """
        self.recover()
        history = self.read()
        event = next((one for one in history.events if one.id == event_id), None)
        if event is None:
            raise BadInput(f"Nothing was learned as {clean_line(event_id)}: tale-tui learning lists what was.")
        if event.undone is not None:
            raise CannotUndo(f"{event.id} was undone already.")
        if event.outcome is LearningOutcome.DROPPED:
            raise CannotUndo(f"{event.id} did worse and was dropped at once: there is nothing to undo.")
        before = self._before(number_of(event))
        if not event.first and not before.exists():
            raise CannotUndo(
                f"{event.id} is too long ago: what was there before the last {VERSIONS_KEPT} fits is kept."
            )
        later = history.events.index(event)
        events = tuple(
            replace(one, undone=at) if place >= later and one.counts else one
            for place, one in enumerate(history.events)
        )
        if event.first:
            self.learned.unlink(missing_ok=True)
        else:
            self._put_back(before)
        self._write(replace(history, events=events, looked=max(history.looked, at)))
        return events[later]

    def _event(
        self, history: LearningHistory, outcome: LearningOutcome, at: float, since: float, report: LearningReport
    ) -> LearningEvent:
        number = history.count + 1
        first = not self._before(number).exists()
        return LearningEvent(f"{self.part}-{number}", self.part, outcome, at, since, report, first)

    def _grown(self, history: LearningHistory, event: LearningEvent | None, at: float) -> LearningHistory:
        if event is None:
            return replace(history, looked=at, weights_format=self._format, changing=False)
        self._before(history.count + 1 - VERSIONS_KEPT).unlink(missing_ok=True)
        events = (*history.events, event)[-EVENTS_KEPT:]
        return LearningHistory(events, at, self._format, count=history.count + 1)

    def _put_back(self, before: Path) -> None:
        """Use weights that were kept; they stay where they are."""
        beside = self.learned.with_name(f"{self.learned.name}.new")
        copyfile(before, beside)
        beside.replace(self.learned)

    def _before(self, number: int) -> Path:
        """The weights that were in use before an event, by its number."""
        return self.learned.with_name(f"{self.learned.name}.{number}")

    def _parsed(self) -> LearningHistory:
        """What the file has.

        Raises:
            FileNotFoundError: there is none.
            OSError, ValueError: it cannot be read, is damaged, or is of another version.
        """
        try:
            found = _HISTORY.validate_json(self._file.read_bytes())
        except ValidationError as error:
            raise ValueError("it is damaged") from error
        if found.format != FORMAT:
            raise ValueError(f"a history of format {found.format}")
        return found

    def _keep_aside(self) -> None:
        """A history that cannot be read is not written over: a newer version may have made it."""
        try:
            self._parsed()
        except FileNotFoundError:
            return
        except (OSError, ValueError):
            self._file.replace(self._aside)

    def _write(self, history: LearningHistory) -> None:
        self._keep_aside()
        write_whole(self._file, _HISTORY.dump_json(history).decode())


def number_of(event: LearningEvent) -> int:
    """The number at the end of its id."""
    number = event.id.rpartition("-")[2]
    with suppress(ValueError):
        return int(number)
    raise BadInput(f"{clean_line(event.id)} is no id of what was learned.")
