"""How well tasks are told from talk."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import fmean

from rows import Row, print_groups, read_rows

from tale_tui.domain.tasks import DetectLabel
from tale_tui.engine.detect.detector import TASK_FROM, Detector
from tale_tui.engine.detect.training import KEPT_APART, fit, packaged_examples

CALIBRATION_BINS = 15
FOLDS = 4

Judged = tuple[float, float]
"""The probability that a message is a task, and whether it is one: 1, 0, or between them where it is disputed."""


def print_open(folder: Path) -> None:
    """What the weights of the program make of `detect.jsonl` and `detect_ambiguous.jsonl`."""
    detector = Detector.load()
    clear = [
        (row, (detector.detect(row["text"]).p, float(row["label"] == DetectLabel.TASK)))
        for row in read_rows(folder, "detect.jsonl")
    ]
    disputed = [(row, (detector.detect(row["text"]).p, 0.5)) for row in read_rows(folder, "detect_ambiguous.jsonl")]
    _print(clear, disputed)


def print_own() -> None:
    """The examples of the program, each judged by weights that were learned from other authors."""
    examples = packaged_examples()
    authors = sorted({each.author for each in examples} - {KEPT_APART})
    clear: list[tuple[Row, Judged]] = []
    disputed: list[tuple[Row, Judged]] = []
    for fold in range(FOLDS):
        left_out = {*authors[fold::FOLDS], KEPT_APART}
        detector = Detector(fit([each for each in examples if each.author not in left_out]).weights)
        for each in examples:
            if each.author in authors[fold::FOLDS]:
                row = {"author": each.author}
                (clear if each.is_clear else disputed).append((row, (detector.detect(each.text).p, each.p)))
    _print(clear, disputed)


def calibration_error(judged: list[Judged]) -> float:
    """Expected calibration error: how far probability and share of tasks lie apart, over bins of equal width."""
    bins: dict[int, list[Judged]] = defaultdict(list)
    for p, is_task in judged:
        bins[min(CALIBRATION_BINS - 1, int(p * CALIBRATION_BINS))].append((p, is_task))
    return sum(abs(sum(is_task - p for p, is_task in each)) for each in bins.values()) / len(judged)


def _print(clear: list[tuple[Row, Judged]], disputed: list[tuple[Row, Judged]]) -> None:
    print_groups(clear, _figures)
    print("\nDetection of what is disputed")
    print_groups(disputed, lambda found: f"below {TASK_FROM}: {fmean(not _is_sure(each) for each in found):.3f}")


def _figures(found: list[Judged]) -> str:
    sure = [each for each in found if _is_sure(each)]
    confident = f"{fmean(map(_is_right, sure)):.3f}" if sure else "-"
    return (
        f"right {fmean(map(_is_right, found)):.3f}  confident {confident} of {len(sure)}  "
        f"calibration error {calibration_error(found):.4f}"
    )


def _is_right(judged: Judged) -> bool:
    return (judged[0] >= 0.5) == (judged[1] >= 0.5)


def _is_sure(judged: Judged) -> bool:
    return max(judged[0], 1 - judged[0]) >= TASK_FROM
