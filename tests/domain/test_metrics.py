"""What a call was, as a row and in sums."""

from __future__ import annotations

import pytest

from support.calls import new_call
from tale_tui.domain.metrics import CallKind, CallOutcome, TokenSums, server_rate
from tale_tui.domain.models import Usage


def test_the_total_is_the_prompt_and_the_completion_as_far_as_they_were_said() -> None:
    assert new_call(prompt_tokens=12, completion_tokens=3, cached_tokens=10, thinking_tokens=2).total_tokens == 15
    assert new_call(prompt_tokens=None, completion_tokens=3).total_tokens == 3
    assert new_call(prompt_tokens=None, completion_tokens=None).total_tokens is None


def test_a_reply_shows_estimates_where_the_server_said_nothing() -> None:
    call = new_call(
        prompt_tokens=None,
        completion_tokens=None,
        estimated_prompt_tokens=40,
        estimated_completion_tokens=7,
        estimated_tokens_per_second=5.0,
    )
    assert call.usage == Usage(completion_tokens=7, tokens_per_second=5.0)
    said = new_call(estimated_completion_tokens=7, tokens_per_second=9.0, estimated_tokens_per_second=5.0)
    assert said.usage == Usage(prompt_tokens=12, completion_tokens=3, tokens_per_second=9.0)


def test_the_times_of_a_reply_become_those_of_its_call() -> None:
    usage = Usage(ttft_ms=310.0, load_ms=0.0, total_ms=900.0, tokens_per_second=38.0)
    own = new_call(ttft_ms=1.0, total_ms=2.0).timed(usage)
    assert (own.ttft_ms, own.load_ms, own.total_ms) == (310.0, 0.0, 900.0)
    assert (own.tokens_per_second, own.estimated_tokens_per_second) == (None, 38.0)
    servers = new_call(tokens_per_second=40.0).timed(usage)
    assert (servers.tokens_per_second, servers.estimated_tokens_per_second) == (40.0, None)


def test_a_call_that_was_stopped_by_an_error_of_who_asked_has_failed() -> None:
    stopped = new_call(outcome=CallOutcome.CANCELLED).failed_as("step_timed_out")
    assert (stopped.outcome, stopped.error) == (CallOutcome.FAILED, "step_timed_out")
    assert new_call().failed_as("broken") == new_call()


def test_what_is_unknown_is_in_no_sum() -> None:
    both = TokenSums(calls=1, prompt_tokens=5) + TokenSums(calls=1, completion_tokens=2, cost=0.5)
    assert both == TokenSums(calls=2, prompt_tokens=5, completion_tokens=2, cost=0.5)
    assert both.cached_tokens is None
    assert (TokenSums().tokens_per_second, TokenSums().ttft_ms) == (None, None)


@pytest.mark.parametrize(
    ("tokens", "spent_ms", "rate"), [(50, 1000.0, 50.0), (50, None, None), (0, 1000.0, None), (50, 1.0, None)]
)
def test_a_rate_is_told_only_where_the_server_gives_one(
    tokens: int, spent_ms: float | None, rate: float | None
) -> None:
    assert server_rate(tokens, spent_ms) == rate


def test_a_call_belongs_to_its_reply_or_its_step() -> None:
    assert new_call(message_id="m").labels.owner == "m"
    assert new_call(kind=CallKind.STEP, task_id="t", step="s", message_id="m").labels.owner == "t/s"
    assert new_call(kind=CallKind.TITLE, message_id="m").labels.owner == ""
