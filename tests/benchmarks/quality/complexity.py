"""How well complexity is told."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import fmean

from rows import Row, language_of, print_groups, read_rows

from tale_tui.domain.complexity import LEVELS, Complexity
from tale_tui.engine.learning.complexity import ComplexityModel
from tale_tui.engine.learning.training import fit, packaged_examples


def print_open(folder: Path) -> None:
    """What the weights of the program make of `complexity.jsonl`, and the time of a judgement."""
    model, rows = ComplexityModel.load(), read_rows(folder, "complexity.jsonl")
    print_groups(_judge(model, rows), _figures)
    _print_times(model, [row["text"] for row in rows])


def print_own() -> None:
    """The examples of the program, each author judged by weights that were learned from all others."""
    examples = packaged_examples()
    judged: list[tuple[Row, int]] = []
    for author in sorted({each.author for each in examples}):
        model = ComplexityModel(fit([each for each in examples if each.author != author]))
        judged += _judge(
            model,
            [
                {"text": each.text, "label": each.level, "author": author, "lang": language_of(each.text)}
                for each in examples
                if each.author == author
            ],
        )
    print_groups(judged, _figures)
    _print_times(ComplexityModel.load(), [each.text for each in examples])


def _judge(model: ComplexityModel, rows: list[Row]) -> list[tuple[Row, int]]:
    """Each row with how many levels it was off."""
    told = [LEVELS.index(model.classify(row["text"]).label) for row in rows]
    return [(row, abs(LEVELS.index(Complexity(row["label"])) - level)) for row, level in zip(rows, told, strict=True)]


def _figures(off: list[int]) -> str:
    return f"exact {fmean(each == 0 for each in off):.3f}  two levels off {fmean(each == 2 for each in off):.3f}"


def _print_times(model: ComplexityModel, texts: list[str]) -> None:
    seconds = []
    for text in texts:
        began = time.thread_time()
        model.classify(text)
        seconds.append(time.thread_time() - began)
    seconds.sort()
    middle, late = seconds[len(seconds) // 2], seconds[len(seconds) * 99 // 100]
    print(f"milliseconds: median {middle * 1000:.3f}, p99 {late * 1000:.3f}")
