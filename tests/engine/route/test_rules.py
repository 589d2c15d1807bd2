"""The choice of a model: the user first, then the settings, then what works; and why, in a few words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.errors import BackendCrashed, ModelError, NoModel, NotAuthorised, Unreachable
from tale_tui.domain.models import BackendName, ModelRef, Role, RoleState
from tale_tui.engine.route.router import Candidate, Route, Rules, Signals, left_after, route, rule, with_fallbacks

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
    assert route(signals(UX, rules=Rules(tasks="ux"))).ref == SMALL


def test_simple_tasks_go_to_the_small_one_and_it_is_said_how_sure_that_is() -> None:
    found = route(signals(TASK, p=0.8, simple=0.91))
    assert (found.ref, found.role, found.why, found.fallbacks) == (SMALL, UX, "simple .91: small model", (BIG,))
    assert route(signals(TASK, simple=0.1)).ref == BIG
    assert route(signals(TASK, simple=None)).ref == BIG


def test_from_where_on_a_task_is_simple_is_a_setting_and_so_is_whether_that_counts() -> None:
    rules = Rules(simple_from=0.6)
    assert [route(signals(TASK, simple=p, rules=rules)).ref for p in (0.59, 0.6)] == [BIG, SMALL]
    assert route(signals(TASK, simple=0.99, rules=Rules(simple_tasks="task"))).why == "works on tasks"


def test_what_the_user_says_goes_before_the_rules() -> None:
    found = route(signals(TASK, simple=0.99, given=TASK))
    assert (found.ref, found.role, found.why, found.fallbacks) == (BIG, TASK, "you chose it", (SMALL,))
    assert route(signals(TASK, simple=0.01, given=UX)).ref == SMALL
    assert route(signals(TASK, given=TASK, rules=Rules(tasks="ux"))).ref == BIG
    assert route(signals(TASK, given=UX, ux=Candidate(SMALL, RoleState.AWAY))).why == "in place of small, which is away"
    assert route(signals(UX, given=TASK)).ref == SMALL, "a step that names the model that answers keeps it"


@pytest.mark.parametrize("fallback", [True, False])
def test_a_small_one_that_cannot_do_it_leaves_simple_tasks_to_the_big_one(fallback: bool) -> None:
    rules = Rules(fallback=fallback)
    away = route(signals(TASK, ux=Candidate(SMALL, RoleState.AWAY), simple=0.91, rules=rules))
    assert (away.ref, away.why) == (BIG, "simple .91, but small is away")
    long = route(signals(TASK, ux=fine(SMALL, 2048), simple=0.91, prompt_tokens=3000, rules=rules))
    assert (long.ref, long.why) == (BIG, "simple .91, but the prompt is too long for small")
    none = route(signals(TASK, ux=Candidate(), simple=0.91, rules=rules))
    assert (none.ref, none.why) == (BIG, "works on tasks")


def test_a_starter_takes_no_task_from_a_model_that_was_set_up() -> None:
    starter = Candidate(SMALL, RoleState.READY, resident=True, demo=True)
    assert route(signals(TASK, ux=starter, simple=0.99)).ref == BIG
    assert route(signals(TASK, ux=starter, simple=0.99, given=UX)).ref == SMALL
    other = Candidate(BIG, RoleState.READY, resident=True, demo=True)
    assert route(signals(TASK, ux=starter, task=other, simple=0.99)).ref == SMALL


def test_where_one_model_does_both_no_small_one_is_named() -> None:
    assert route(signals(TASK, ux=fine(BIG), simple=0.91)).why == "works on tasks; simple .91"


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
    st.just(""),
    st.booleans(),
)
shares = st.floats(0, 1)
rules = st.builds(Rules, st.sampled_from(["task", "ux"]), st.sampled_from(["task", "ux"]), shares, st.booleans())
everything = st.builds(
    Signals,
    st.sampled_from(Role),
    candidates,
    candidates,
    st.none() | shares,
    st.none() | shares,
    st.none() | st.sampled_from(Role),
    st.sampled_from([0, 4000, 100_000]),
    st.none() | st.just(OTHER),
    rules,
)


@given(everything)
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


@given(everything, shares)
def test_a_simpler_task_never_goes_to_a_bigger_model(given_signals: Signals, simpler: float) -> None:
    if given_signals.simple is None or not (given_signals.ux.ref or given_signals.task.ref):
        return
    more = replace(given_signals, simple=max(given_signals.simple, simpler))
    if rule(given_signals)[0] is UX:
        assert rule(more)[0] is UX
    if given_signals.given is not None or given_signals.rules.simple_tasks == "task" or given_signals.role is UX:
        assert route(more).ref == route(given_signals).ref, "only the rule of simple tasks looks at that"


@given(everything)
def test_a_starter_is_never_chosen_before_a_model_that_was_set_up_for_tasks(given_signals: Signals) -> None:
    ux, task = replace(given_signals.ux, ref=SMALL, demo=True), replace(given_signals.task, ref=BIG, demo=False)
    asked = replace(given_signals, role=TASK, ux=ux, task=task, given=None, chosen=None)
    if asked.rules.tasks == "task":
        assert route(asked).ref == BIG
        assert route(asked).fallbacks == ()


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
