"""Fits the weights of complexity; run as a process of its own, because scikit-learn is heavy.

    python -m tale_tui.engine.learning.training OUT [--tasks FILE]

FILE may be `-` for standard input: lines of `text`, `label` and `author`.

Learns from the examples that come with the program, measured on the author who is kept apart, and writes the weights.
With tasks of the user it learns from both, measures on what is kept apart how good that is with the new tasks (their
`author` is `new`) and without, and writes only what is not worse. One line of JSON on standard output says
how it went. The same input always gives the same weights.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

from scipy.sparse import csr_matrix, hstack, vstack  # type: ignore[import-untyped]  # no types are published
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from tale_tui.domain.complexity import LEVELS, Complexity
from tale_tui.engine.child_process import lower_priority
from tale_tui.engine.fitting.child import LAST_OF_ALL, RefitResult, Training, examples_of
from tale_tui.engine.learning.complexity import ComplexityModel, ComplexityWeights, packaged_weights
from tale_tui.engine.learning.scope import extract

KEPT_APART = "fay"
"""The author whose examples are never learned from in a measurement."""
NEW = "new"
"""As author of a task: it was never learned from."""
KEPT_TASK = 5
"""About every so manieth task of the user is kept apart too, told by its text: the same one always is."""
OWN_ENOUGH = 10
"""From so many of those on they weigh as much as those of the program."""
RARE = 2
"""A feature of fewer examples than this is not learned."""
STRENGTH = 1.0
"""Inverse of the penalty on large weights (scikit-learn's C)."""
THRESHOLD_VALUE = 2.0
"""Value of the two columns of thresholds: the larger, the less the penalty holds them back."""
ROUNDS = 2000
DIGITS = 3


@dataclass(frozen=True, slots=True)
class ComplexityExample:
    """A task with its level.

    Attributes:
        text: the task.
        level: how hard it is.
        author: who wrote it; tasks of one author are never on both sides of a measurement.
    """

    text: str
    level: Complexity
    author: str = ""


def packaged_examples() -> list[ComplexityExample]:
    """All examples that come with the program, in the order of their files."""
    return examples_of(__package__, parse_examples)


def parse_examples(lines: Iterable[str]) -> list[ComplexityExample]:
    """Examples from JSON lines of `text`, `label` and `author`; empty ones are skipped.

    Raises:
        ValueError: a line is none; it is named by its number.
    """
    examples = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            examples.append(ComplexityExample(data["text"], Complexity(data["label"]), str(data.get("author", ""))))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"line {number} is no example") from error
    return examples


def fit(examples: Sequence[ComplexityExample]) -> ComplexityWeights:
    """Learn weights.

    Two questions are asked of each example, whether it is at least medium and whether it is complex; both share the
    weights of the features and differ in their threshold, which makes the levels ordinal.

    Args:
        examples: of all three levels.
    Raises:
        ValueError: a level is missing.
    """
    if {each.level for each in examples} != set(LEVELS):
        raise ValueError("examples of simple, medium and complex tasks are all needed")
    features = [extract(each.text) for each in examples]
    seen = Counter(name for each in features for name in each)
    columns = {name: place for place, name in enumerate(sorted(name for name, count in seen.items() if count >= RARE))}
    rows = _matrix(features, columns)
    marked, blank = csr_matrix([[THRESHOLD_VALUE]] * len(examples)), csr_matrix((len(examples), 1))
    questions = vstack([hstack([rows, marked, blank]), hstack([rows, blank, marked])]).tocsr()
    ranks = [LEVELS.index(each.level) for each in examples]
    answers = [rank >= 1 for rank in ranks] + [rank >= len(LEVELS) - 1 for rank in ranks]
    estimator = LogisticRegression(C=STRENGTH, max_iter=ROUNDS).fit(questions, answers)
    *weights, medium, hard = estimator.coef_[0].tolist()
    bias = float(estimator.intercept_[0])
    known = {name: round(weights[place], DIGITS) for name, place in columns.items()}
    thresholds = round(bias + THRESHOLD_VALUE * medium, DIGITS), round(bias + THRESHOLD_VALUE * hard, DIGITS)
    return ComplexityWeights(thresholds, {name: weight for name, weight in known.items() if weight})


def exact(weights: ComplexityWeights, kept_apart: Sequence[ComplexityExample]) -> float:
    """The share of tasks whose level is told rightly."""
    model = ComplexityModel(weights)
    return sum(model.classify(each.text).label is each.level for each in kept_apart) / max(len(kept_apart), 1)


def learn(examples: Sequence[ComplexityExample]) -> ComplexityWeights:
    """Weights from all examples; their facts say how well those of the other authors do on the one kept apart."""
    seen = [each for each in examples if each.author != KEPT_APART]
    kept_apart = [each for each in examples if each.author == KEPT_APART]
    share = exact(fit(seen), kept_apart)
    facts = {"examples": len(examples), "kept_apart": len(kept_apart), "exact": round(share, 4)}
    return replace(fit(examples), facts=facts)


def refit(examples: Sequence[ComplexityExample], tasks: Sequence[ComplexityExample]) -> RefitResult[ComplexityWeights]:
    """Learn from tasks of the user too.

    Both shares are measured by fits that have not seen what is kept apart; the weights are then learned from
    everything, as those of the program are.

    Args:
        examples: those of the program; they are in every fit.
        tasks: the user's, each text once; `NEW` is the author of those that were never learned from.
    """
    seen = [each for each in examples if each.author != KEPT_APART]
    kept_apart = KeptApart(
        [each for each in examples if each.author == KEPT_APART],
        [each for each in tasks if is_kept_apart(each.text)],
    )
    own = [each for each in tasks if not is_kept_apart(each.text)]
    before = kept_apart.exact(fit([*seen, *(each for each in own if each.author != NEW)]))
    after = kept_apart.exact(fit([*seen, *own]))
    everything = [*examples, *tasks]
    facts = {"examples": len(everything), "kept_apart": kept_apart.count, "exact": round(after, 4)}
    weights = replace(fit(everything), facts=facts)
    return RefitResult(weights, after >= before, before, after, len(everything), kept_apart.count)


@dataclass(frozen=True, slots=True)
class KeptApart:
    """What a fit is measured on.

    Attributes:
        program: tasks of one author of the program.
        own: of the user.
    """

    program: Sequence[ComplexityExample]
    own: Sequence[ComplexityExample]

    @property
    def count(self) -> int:
        """All of them."""
        return len(self.program) + len(self.own)

    def exact(self, weights: ComplexityWeights) -> float:
        """The share of levels that is told rightly. What the user hands in counts as much as what anybody may, once
        there is enough of it to say something: else a fit that is better for the user falls by one text of others.
        """
        if len(self.own) < OWN_ENOUGH:
            return exact(weights, [*self.program, *self.own])
        return (exact(weights, self.program) + exact(weights, self.own)) / 2


def is_kept_apart(text: str) -> bool:
    """Whether a task of the user is kept apart in a measurement."""
    return crc32(text.encode("utf-8", "replace")) % KEPT_TASK == 0


def main(arguments: Sequence[str] | None = None) -> int:
    """See `Training.run`."""
    return Training(
        module="tale_tui.engine.learning.training",
        source="tasks",
        parse_examples=parse_examples,
        learn=lambda: learn(packaged_examples()),
        refit=lambda tasks, _: refit(packaged_examples(), tasks),
        parse_weights=ComplexityWeights.parse,
        packaged_weights=packaged_weights,
        judge=_levels,
    ).run(arguments)


def _levels(weights: ComplexityWeights) -> Callable[[str], str]:
    """How hard a text is by some weights."""
    model = ComplexityModel(weights)
    return lambda text: model.classify(text).label.value


def _matrix(features: Sequence[Mapping[str, float]], columns: Mapping[str, int]) -> csr_matrix:
    cells = [
        (value, row, columns[name])
        for row, each in enumerate(features)
        for name, value in each.items()
        if name in columns
    ]
    values, rows, places = zip(*cells, strict=True)
    return csr_matrix((values, (rows, places)), shape=(len(features), len(columns)))


if __name__ == "__main__":
    lower_priority(LAST_OF_ALL)
    raise SystemExit(main())
