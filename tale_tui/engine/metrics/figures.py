"""Arithmetic over sums of calls: groups, the days of the user, what they cost, and what the large model was spared."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache

from tale_tui.config.settings import ModelPrice
from tale_tui.domain.constants import CLOCK_STEP_S
from tale_tui.domain.metrics import CallDimension, CallKind, TokenGroup, TokenSavings, TokenSums, TokenTimeline
from tale_tui.domain.models import ModelRef
from tale_tui.engine.store.token_metrics import AnswerRow, SumRow

TIMES = frozenset({CallDimension.DAY, CallDimension.HOUR})
"""Dimensions that are told by the user's clock."""
PER_TOKENS = 1_000_000
"""Prices are for so many tokens."""

LocalTime = Callable[[float], datetime]
"""A moment on the user's clock, with its distance from UTC."""


def local_time(seconds: float) -> datetime:
    """A moment on the clock of this machine."""
    return datetime.fromtimestamp(seconds).astimezone()


def cost_of(sums: TokenSums, price: ModelPrice | None) -> float | None:
    """What the calls of one model cost; None without a price, and where nothing was counted.

    What was cached costs its own price, where it has one; where the server did not say what was, nothing was.
    """
    if price is None or sums.total_tokens is None:
        return None
    prompt, cached = sums.prompt_tokens or 0, sums.cached_tokens or 0
    of_cached = price.prompt if price.cached is None else price.cached
    cost = (prompt - cached) * price.prompt + cached * of_cached + (sums.completion_tokens or 0) * price.completion
    return cost / PER_TOKENS


def grouped(
    rows: Iterable[SumRow],
    by: Sequence[CallDimension],
    prices: Mapping[str, ModelPrice],
    local: LocalTime = local_time,
) -> tuple[TokenSums, tuple[TokenGroup, ...]]:
    """The sum of all rows, and of those that are alike.

    Args:
        rows: by model, by the dimensions that are columns, and by step of the clock where `by` has a day or an hour.
        by: the dimensions; none makes no groups.
        prices: by `backend/model`.
        local: the user's clock.
    Returns:
        The groups come in the order of time where they have one, else the largest first.
    """
    label = cache(lambda dimension, step: time_label(dimension, local(step * CLOCK_STEP_S)))
    by_model: dict[tuple[tuple[str, ...], str], TokenSums] = {}
    began: dict[tuple[str, ...], int] = {}
    for row in rows:
        key = _key(row, by, label)
        known = by_model.get((key, row.model))
        by_model[key, row.model] = row.sums if known is None else known + row.sums
        if row.clock_step is not None:
            began[key] = min(began.get(key, row.clock_step), row.clock_step)
    groups: dict[tuple[str, ...], TokenSums] = {}
    for (key, model), sums in by_model.items():
        priced = replace(sums, cost=cost_of(sums, prices.get(model)))
        groups[key] = groups.get(key, TokenSums()) + priced
    total = sum(groups.values(), TokenSums())
    if not by:
        return total, ()
    times = [place for place, dimension in enumerate(by) if dimension in TIMES]
    first: dict[tuple[str, ...], int] = {}
    for key, step in began.items():
        time = tuple(key[place] for place in times)
        first[time] = min(first.get(time, step), step)

    def order(key: tuple[str, ...]) -> tuple[int, int, tuple[str, ...]]:
        time = tuple(key[place] for place in times)
        return first.get(time, 0), -(groups[key].total_tokens or 0), key

    return total, tuple(TokenGroup(key, groups[key]) for key in sorted(groups, key=order))


def _key(row: SumRow, by: Sequence[CallDimension], label: Callable[[CallDimension, int], str]) -> tuple[str, ...]:
    columns = iter(row.key)
    return tuple(label(dimension, row.clock_step or 0) if dimension in TIMES else next(columns) for dimension in by)


def time_label(dimension: CallDimension, moment: datetime) -> str:
    """The day or the hour of a moment: `2026-10-25`, `2026-10-25T02:00+01:00`."""
    if dimension is CallDimension.DAY:
        return moment.date().isoformat()
    return moment.replace(minute=0, second=0, microsecond=0).isoformat(timespec="minutes")


def timeline_of(rows: Iterable[tuple[str, int, int]], step_s: int, edges: Sequence[int]) -> TokenTimeline:
    """Tokens in pieces of time, by model.

    Args:
        rows: model, number of its step of the clock since the epoch, tokens.
        step_s: length of a step; every edge is a multiple of it.
        edges: where the pieces begin, and where the last one ends.
    """
    pieces: dict[str, list[int]] = {}
    for model, step, tokens in rows:
        piece = bisect_right(edges, step * step_s) - 1
        if 0 <= piece < len(edges) - 1:
            pieces.setdefault(model, [0] * (len(edges) - 1))[piece] += tokens
    models = sorted(pieces, key=lambda model: (-sum(pieces[model]), model))
    return TokenTimeline(tuple(edges), tuple((model, tuple(pieces[model])) for model in models))


def savings_of(
    rows: Iterable[AnswerRow], small: ModelRef, large: ModelRef, turns: int = 0, misses: int = 0
) -> TokenSavings:
    """What the large model was spared by what the small one answered.

    Args:
        rows: the tokens of replies and steps, by model and kind.
        small: answers.
        large: would have answered; another one than `small`.
        turns: that the small one answered.
        misses: of these, asked again with another model.
    """
    rows = tuple(rows)

    def share(tokens: Callable[[AnswerRow], int | None], *, tasks_large: bool) -> float | None:
        whole = sum(tokens(row) or 0 for row in rows)
        spared = sum(
            tokens(row) or 0
            for row in rows
            if row.model == str(small) and (row.kind is CallKind.CHAT or not tasks_large)
        )
        return spared / whole if whole else None

    return TokenSavings(
        small,
        large,
        alone=share(lambda row: row.alone, tasks_large=False),
        alone_tasks_large=share(lambda row: row.alone, tasks_large=True),
        resent=share(lambda row: row.total, tasks_large=False),
        resent_tasks_large=share(lambda row: row.total, tasks_large=True),
        turns=turns,
        misses=misses,
    )
