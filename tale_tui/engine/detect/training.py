"""Fits the weights of the detector; run as a process of its own, because scikit-learn is heavy.

    python -m tale_tui.engine.detect.training OUT [--corrections FILE]

FILE may be `-` for standard input.

Without corrections it learns from the examples that come with the program and writes what it found. With corrections
it learns from both, compares the result with the weights in use (OUT, else those of the program) on messages that
neither has seen, and writes only what is not worse. One line of JSON on standard output says how it went. The same
input always gives the same weights.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from scipy.sparse import csr_matrix  # type: ignore[import-untyped]  # no types are published
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from tale_tui.domain.tasks import DetectLabel, likelier
from tale_tui.engine.child_process import lower_priority
from tale_tui.engine.detect.features import Features, extract, pieces_of
from tale_tui.engine.detect.model import (
    BLOCKS,
    STEPS,
    DetectorModel,
    DetectorWeights,
    factor_of,
    packaged_weights,
)
from tale_tui.engine.fitting.child import LAST_OF_ALL, RefitResult, Training, examples_of

RARE = 2.0
"""A feature of fewer examples (by weight) than this is not learned."""

STRENGTH = 1.5
"""Inverse of the penalty on large weights (scikit-learn's C)."""

ROUNDS = 500

SHARPNESS = 2.0

DOUBT = (0.94, 0.09)
"""See `DetectorWeights`. Where a message leans to talk, clear talk is far more frequent than what is disputed, and each
clear message that is held back costs calibration, so nearly all doubt is asked for; a message that leans to work is
soon disputed, and costs little: about four of five of those held back are work."""

LAST_SIGNS = "?!.。？！… "

BARE_WEIGHT = 0.5
"""What a message counts once more without its last signs, which many people do not write."""

KEPT_CORRECTION = 5
"""Every so manieth correction is kept apart, to measure on."""

CHAT, DISPUTED, WORK = range(3)

Columns = dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class TrainingFit:
    """What came out of a fit.

    Attributes:
        estimator: scikit-learn's, with the weights rounded as they are stored.
        columns: block and feature -> column of its matrix.
        weights: the same for `DetectorModel`.
    """

    estimator: LogisticRegression
    columns: Columns
    weights: DetectorWeights


def fit(examples: Sequence[Example]) -> TrainingFit:
    """Learn weights.

    Args:
        examples: of all three kinds, talk, work and disputed.
    Raises:
        ValueError: a kind is missing.
    """
    shown = [*examples, *_bare(examples)]
    features = [extract(example.text) for example in shown]
    kinds = [_kind(example) for example in shown]
    if set(kinds) != {CHAT, DISPUTED, WORK}:
        raise ValueError("examples of talk, of work and disputed ones are all needed")
    counts = [example.weight for example in shown]
    columns = _columns(features, counts)
    estimator = LogisticRegression(C=STRENGTH, max_iter=ROUNDS)
    estimator.fit(matrix(features, columns), kinds, sample_weight=counts)
    estimator.coef_ = (estimator.coef_ - estimator.coef_[CHAT]).round(len(str(STEPS)) - 1)
    estimator.intercept_ = (estimator.intercept_ - estimator.intercept_[CHAT]).round(len(str(STEPS)) - 1)
    return TrainingFit(estimator, columns, _weights(estimator, columns, len(examples)))


def matrix(features: Sequence[Features], columns: Columns) -> csr_matrix:
    """Messages as rows: every feature counts what `DetectorModel` counts it."""
    rows, places, values = [], [], []
    for row, each in enumerate(features):
        for block, names in _names(each):
            factor = factor_of(block, len(names))
            for name, count in Counter(names).items():
                place = columns.get((block, name))
                if place is not None:
                    rows.append(row)
                    places.append(place)
                    values.append(factor * count)
    return csr_matrix((values, (rows, places)), shape=(len(features), len(columns)))


def accuracy(weights: DetectorWeights, kept_apart: Sequence[Example]) -> float:
    """The share of clear messages that are classified rightly."""
    model = DetectorModel(weights)
    clear = [each for each in kept_apart if each.is_clear]
    right = [likelier(model.probability(extract(each.text))) is likelier(each.p) for each in clear]
    return sum(right) / max(len(right), 1)


def learn(examples: Sequence[Example]) -> DetectorWeights:
    """Weights from examples, measured on those of the author who is kept apart."""
    seen, kept_apart = apart(examples)
    weights = fit(seen).weights
    facts = {"examples": len(seen), "kept_apart": len(kept_apart), "accuracy": round(accuracy(weights, kept_apart), 4)}
    return replace(weights, facts=facts)


def refit(
    examples: Sequence[Example], corrections: Sequence[Example], current: DetectorWeights
) -> RefitResult[DetectorWeights]:
    """Learn from corrections too; what is worse than the weights in use is rolled back.

    Args:
        examples: those of the program.
        corrections: the user's, oldest first; a text corrected twice counts by its last label.
        current: the weights in use.
    """
    latest = list({each.text.strip(): each for each in corrections}.values())
    seen, kept_apart = apart(examples)
    kept_apart += latest[KEPT_CORRECTION - 1 :: KEPT_CORRECTION]
    seen += [each for number, each in enumerate(latest, 1) if number % KEPT_CORRECTION]
    learned = fit(seen).weights
    before, after = accuracy(current, kept_apart), accuracy(learned, kept_apart)
    facts = {"examples": len(seen), "kept_apart": len(kept_apart), "accuracy": round(after, 4)}
    if after < before:
        return RefitResult(current, False, before, after, len(seen), len(kept_apart))
    return RefitResult(replace(learned, facts=facts), True, before, after, len(seen), len(kept_apart))


def apart(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """What is learned from, and what is measured on."""
    seen = [each for each in examples if each.author != KEPT_APART]
    return seen, [each for each in examples if each.author == KEPT_APART]


def main(arguments: Sequence[str] | None = None) -> int:
    """See `Training.run`."""
    return Training(
        module="tale_tui.engine.detect.training",
        source="corrections",
        parse_examples=parse_corrections,
        learn=lambda: learn(packaged_examples()),
        refit=lambda corrections, in_use: refit(packaged_examples(), corrections, in_use),
        parse_weights=DetectorWeights.parse,
        packaged_weights=packaged_weights,
        judge=_labels,
    ).run(arguments)


def _labels(weights: DetectorWeights) -> Callable[[str], str]:
    """What a text is by some weights."""
    model = DetectorModel(weights)
    return lambda text: likelier(model.probability(extract(text))).value


def _bare(examples: Iterable[Example]) -> Iterator[Example]:
    """The examples that end with a sign, without it."""
    for each in examples:
        text = each.text.rstrip(LAST_SIGNS)
        if text and text != each.text:
            yield replace(each, text=text, weight=each.weight * BARE_WEIGHT)


def _kind(example: Example) -> int:
    if not example.is_clear:
        return DISPUTED
    return WORK if likelier(example.p) is DetectLabel.TASK else CHAT


def _names(features: Features) -> Iterator[tuple[str, Sequence[str]]]:
    pieces = [piece for word in features.spelled for piece in pieces_of(word)]
    yield from zip(BLOCKS, (features.words, pieces, features.classes, features.shape), strict=True)


def _columns(features: Sequence[Features], weights: Sequence[float]) -> Columns:
    """Block and feature -> column, for features that are not rare."""
    seen: Counter[tuple[str, str]] = Counter()
    for each, weight in zip(features, weights, strict=True):
        for block, names in _names(each):
            for name in set(names):
                seen[block, name] += weight  # type: ignore[assignment]  # a Counter may count by weight
    return {key: place for place, key in enumerate(sorted(key for key, count in seen.items() if count >= RARE))}


def _weights(estimator: LogisticRegression, columns: Columns, count: int) -> DetectorWeights:
    blocks: dict[str, dict[str, complex]] = {block: {} for block in BLOCKS}
    disputed, work = estimator.coef_[DISPUTED].tolist(), estimator.coef_[WORK].tolist()
    for (block, name), place in columns.items():
        if disputed[place] or work[place]:
            blocks[block][name] = complex(disputed[place], work[place])
    bias = float(estimator.intercept_[DISPUTED]), float(estimator.intercept_[WORK])
    return DetectorWeights(bias, blocks, SHARPNESS, DOUBT, facts={"examples": count})


KEPT_APART = "zoe"
"""The author whose examples are never learned from: every fit is measured on them."""

LABELS = {"chat": 0.0, "task": 1.0}

CLEAR = 0.25
"""A label nearer than this to 0 or 1 is a clear one; between them two sensible people differ."""

CORRECTION_WEIGHT = 4.0
"""How many examples one correction counts: the user's own words are few and mean it."""


class BadExample(ValueError):
    """A line that is no example."""


@dataclass(frozen=True, slots=True)
class Example:
    """A message with its label.

    Attributes:
        text: the message.
        p: 1 for a task, 0 for chat, between them where it is disputed.
        author: who wrote it; messages of one author are never on both sides of a measurement.
        weight: how many examples it counts.
    """

    text: str
    p: float
    author: str = ""
    weight: float = 1.0

    @property
    def is_clear(self) -> bool:
        """Whether the label is a clear one."""
        return self.p <= CLEAR or self.p >= 1 - CLEAR


def packaged_examples() -> list[Example]:
    """All examples that come with the program, in the order of their files."""
    return examples_of(__package__, parse_examples)


def parse_corrections(lines: Iterable[str]) -> list[Example]:
    """The user's corrections from JSON lines of `text` and `label`; other fields are ignored.

    Raises:
        BadExample: a line is none; it is named by its number.
    """
    return parse_examples(lines, weight=CORRECTION_WEIGHT)


def parse_examples(lines: Iterable[str], weight: float = 1.0) -> list[Example]:
    """Examples from JSON lines; empty ones are skipped.

    Raises:
        BadExample: a line is none; it is named by its number.
    """
    examples = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            text, label = data["text"], data["label"]
            p = LABELS[label] if isinstance(label, str) else float(label)
        except (KeyError, TypeError, ValueError) as error:
            raise BadExample(f"line {number} is no example") from error
        if not isinstance(text, str) or not 0 <= p <= 1:
            raise BadExample(f"line {number} is no example")
        examples.append(Example(text, p, str(data.get("author", "")), weight))
    return examples


if __name__ == "__main__":
    lower_priority(LAST_OF_ALL)
    raise SystemExit(main())
