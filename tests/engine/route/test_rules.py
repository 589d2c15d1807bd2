"""The choice of a model: the user first, then the settings, then what works; and why, in a few words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.errors import BackendCrashed, ModelError, NoModel, NotAuthorised, Unreachable
from tale_tui.domain.models import BackendName, ModelRef, Role, RoleState
from tale_tui.engine.route.complexity import Complexity
from tale_tui.engine.route.router import Candidate, Route, Rules, Signals, left_after, route, with_fallbacks

UX, TASK = Role.UX, Role.TASK
SMALL, BIG = ModelRef(BackendName.OLLAMA, "small"), ModelRef(BackendName.OLLAMA, "big")
OTHER = ModelRef(BackendName.OPENAI, "other")


def fine(ref: ModelRef, window: int | None = 4096) -> Candidate:
    return Candidate(ref, RoleState.READY, resident=True, window=window)


def signals(role: Role, ux: Candidate | None = None, task: Candidate | None = None, **more: object) -> Signals:
    return Signals(role, ux or fine(SMALL), task or fine(BIG), **more)  # type: ignore[arg-type]


def test_conversation_goes_to_the_small_one_and_work_to_the_big_one() -> None:
    talk, work = route(signals(UX)), route(signals(TASK))
    assert (talk.ref, talk.role, talk.why, talk.fallbacks) == (SMALL, UX, "answers in conversations", (BIG,))
    assert (work.ref, work.role, work.why, work.fallbacks) == (BIG, TASK, "works on tasks", (SMALL,))


@pytest.mark.parametrize(("p", "words"), [(0.934, "detected .93"), (1.0, "detected .99")])
def test_a_detected_task_says_how_sure(p: float, words: str) -> None:
    assert words in route(signals(TASK, p=p)).why


def test_what_is_not_in_memory_is_said() -> None:
    assert route(signals(TASK, task=Candidate(BIG, RoleState.IDLE))).why == "works on tasks; has to be loaded"


def test_the_users_choice_goes_before_everything_and_is_never_replaced() -> None:
    found = route(signals(UX, chosen=OTHER))
    assert (found.ref, found.why, found.fallbacks) == (OTHER, "you chose it", ())
    nobody = Candidate()
    assert route(Signals(UX, nobody, nobody, chosen=OTHER)).ref == OTHER


def test_rules_of_the_settings() -> None:
    assert route(signals(TASK, rules=Rules(tasks="ux"))).ref == SMALL
    simple = Rules(simple_tasks="ux")
    found = route(signals(TASK, rules=simple, complexity=Complexity.SIMPLE))
    assert (found.ref, found.why) == (SMALL, "the settings give it simple tasks")
    assert route(signals(TASK, rules=simple, complexity=Complexity.MEDIUM)).ref == BIG
    assert route(signals(TASK, rules=simple)).ref == BIG
    assert route(signals(UX, rules=Rules(tasks="ux"))).ref == SMALL


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        (Candidate(BIG, RoleState.AWAY), "in place of big, which is away"),
        (Candidate(BIG, RoleState.FAILED), "in place of big, which does not work"),
        (Candidate(BIG, RoleState.IDLE, given_up=True), "in place of big, which failed again and again"),
        (Candidate(None, RoleState.UNSET), "there is no model for tasks"),
    ],
)
def test_who_does_not_work_is_stood_in_for(candidate: Candidate, words: str) -> None:
    found = route(signals(TASK, task=candidate))
    assert (found.ref, found.role, found.why) == (SMALL, UX, words)
    assert found.fallbacks == ()


def test_where_there_is_no_conversation_model_the_other_answers() -> None:
    found = route(signals(UX, ux=Candidate(None)))
    assert (found.ref, found.why) == (BIG, "there is no model for conversations")


def test_without_fallback_or_without_a_better_one_it_is_tried_all_the_same() -> None:
    away = Candidate(BIG, RoleState.AWAY)
    assert route(signals(TASK, task=away, rules=Rules(fallback=False))).ref == BIG
    assert route(signals(TASK, task=away, ux=Candidate(SMALL, RoleState.AWAY))).ref == BIG
    assert route(signals(TASK, task=away, ux=fine(BIG))).ref == BIG
    assert route(signals(TASK, rules=Rules(fallback=False))).fallbacks == ()
    assert route(signals(TASK, ux=fine(BIG))).fallbacks == ()


def test_a_prompt_that_is_too_long_goes_where_it_fits() -> None:
    found = route(signals(TASK, ux=fine(SMALL, 32768), prompt_tokens=5000))
    assert (found.ref, found.why) == (SMALL, "the prompt is too long for big")
    assert route(signals(TASK, prompt_tokens=5000)).ref == BIG
    assert route(signals(TASK, task=fine(BIG, None), prompt_tokens=5000)).ref == BIG


def test_without_any_model_the_reason_is_said() -> None:
    with pytest.raises(NoModel, match="Nothing was found"):
        route(Signals(UX, Candidate(detail="Nothing was found."), Candidate()))


candidates = st.builds(
    Candidate,
    st.sampled_from([None, SMALL, BIG]),
    st.sampled_from(RoleState),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, 2048, 8192]),
)


@given(
    st.builds(
        Signals,
        st.sampled_from(Role),
        candidates,
        candidates,
        st.none() | st.floats(0, 1),
        st.none() | st.sampled_from(Complexity),
        st.sampled_from([0, 4000, 100_000]),
        st.none() | st.just(OTHER),
        st.builds(Rules, st.sampled_from(["task", "ux"]), st.sampled_from(["task", "ux"]), st.booleans()),
    )
)
def test_whatever_is_known_there_is_one_answer_with_a_reason(given_signals: Signals) -> None:
    known = {given_signals.ux.ref, given_signals.task.ref} - {None}
    if not known and given_signals.chosen is None:
        with pytest.raises(NoModel):
            route(given_signals)
        return
    found = route(given_signals)
    assert found == route(given_signals)
    assert found.ref in known or found.ref == given_signals.chosen
    assert 0 < len(found.why) < 100
    assert found.ref not in found.fallbacks
    assert set(found.fallbacks) <= known
    if found.fallbacks:
        assert given_signals.rules.fallback


def test_of_a_server_that_does_not_answer_nobody_is_asked() -> None:
    for error in (Unreachable("Gone."), NotAuthorised("It wants a key.")):
        assert left_after(error, SMALL, (BIG, OTHER)) == [OTHER]
    assert left_after(BackendCrashed("Ended."), SMALL, (BIG, OTHER)) == [BIG, OTHER]


class FailedRoles:
    """Takes note of who failed."""

    def __init__(self) -> None:
        self.seen: list[ModelRef] = []

    async def failed(self, ref: ModelRef, error: ModelError, *, role: Role) -> None:
        self.seen.append(ref)


async def ask_in_turn(roles: Any, answers: dict[ModelRef, ModelError | str], *, may_replace: bool = True) -> Any:
    async def ask(ref: ModelRef, why: str, before: ModelError | None) -> tuple[str, str, ModelError | None]:
        answer = answers[ref]
        if isinstance(answer, ModelError):
            raise answer
        return answer, why, before

    return await with_fallbacks(
        roles,
        Route(SMALL, UX, "first", (BIG, OTHER)),
        ask,
        may_replace=lambda _: may_replace,
        reason=lambda ref, error: f"{ref.model}: {error.sentence}",
    )


async def test_the_next_one_is_asked_and_told_why() -> None:
    roles, error = FailedRoles(), BackendCrashed("gone")
    assert await ask_in_turn(roles, {SMALL: error, BIG: "yes"}) == ("yes", "small: gone", error)
    assert roles.seen == [SMALL]


async def test_of_a_server_that_is_away_no_other_model_is_asked() -> None:
    roles = FailedRoles()
    answer, _, _ = await ask_in_turn(roles, {SMALL: Unreachable("away"), OTHER: "yes"})
    assert answer == "yes"
    assert roles.seen == [SMALL]


async def test_the_error_of_the_last_one_is_raised() -> None:
    roles = FailedRoles()
    with pytest.raises(BackendCrashed, match="third"):
        await ask_in_turn(
            roles, {SMALL: BackendCrashed("first"), BIG: BackendCrashed("second"), OTHER: BackendCrashed("third")}
        )
    assert roles.seen == [SMALL, BIG, OTHER]


async def test_what_one_began_no_other_goes_on_with() -> None:
    roles = FailedRoles()
    with pytest.raises(BackendCrashed, match="first"):
        await ask_in_turn(roles, {SMALL: BackendCrashed("first"), BIG: "yes"}, may_replace=False)
    assert roles.seen == [SMALL]
