"""Which model answers, and why: signals are gathered, a pure function decides, and who is asked when that one fails."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from tale_tui.config.settings import RouteSettings
from tale_tui.domain.errors import ModelError, NoModel, NotAuthorised, NotTrusted, Unreachable
from tale_tui.domain.models import ModelRef, Role, RoleState
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.formatting.tasks import DOES_TASKS, YOU_CHOSE
from tale_tui.formatting.units import format_probability

T = TypeVar("T")

log = logging.getLogger(__name__)

ANSWERS = "answers in conversations"


@dataclass(frozen=True, slots=True)
class Candidate:
    """The model of a role as it is now."""

    ref: ModelRef | None = None
    state: RoleState = RoleState.UNSET
    resident: bool = False
    """Whether it is in memory, for this role."""
    given_up: bool = False
    """Whether it failed so often that it is left alone for a while."""
    window: int | None = None
    """Its context window, in tokens; None while that is not known."""
    detail: str = ""
    """Why there is none, or why it does not work, as a sentence."""
    demo: bool = False
    """True for the starter, which never takes the place of another model by itself."""

    @property
    def trouble(self) -> str:
        """What is wrong with it, as the end of a sentence; empty where nothing is known to be."""
        if self.state is RoleState.AWAY:
            return "is away"
        if self.state is RoleState.FAILED:
            return "does not work"
        return "failed again and again" if self.given_up else ""

    def holds(self, tokens: int) -> bool:
        """Whether a prompt of so many tokens fits, as far as that is known."""
        return self.window is None or tokens <= self.window


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say about it."""

    tasks: Literal["task", "ux"] = "task"
    """The role whose model carries out tasks."""
    simple_tasks: Literal["task", "ux"] = "ux"
    """The same for simple ones."""
    simple_from: float = 0.5
    """From this probability on a task counts as simple."""
    fallback: bool = True
    """Whether the other model serves where the chosen one does not."""


@dataclass(frozen=True, slots=True)
class Signals:
    """Everything that the choice depends on."""

    role: Role
    """What is to be done: UX for talk, TASK for work."""
    ux: Candidate
    task: Candidate
    p: float | None = None
    """The probability with which it was detected as a task; None where nobody looked."""
    simple: float | None = None
    """The probability that a task is simple; None where nobody looked, as for one of several steps."""
    given: Role | None = None
    """The role whose model the user gave the task to."""
    prompt_tokens: int = 0
    """About how long the prompt is; 0 where it is cut to fit anyway."""
    chosen: ModelRef | None = None
    """The model that the user chose for this."""
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True)
class Route:
    """The model that is asked, and why."""

    ref: ModelRef
    role: Role
    """Whose model it is; what is to be done stays what it was."""
    why: str
    """In a few words, for the user."""
    fallbacks: tuple[ModelRef, ...] = ()
    """Who is asked when it fails, in this order."""


def route(signals: Signals) -> Route:
    """Choose a model.

    The user's choice goes first, then the rules of the settings; the model of the other role serves where the one so
    found is missing, in trouble, or too small for the prompt.

    Raises:
        NoModel: neither role has one.
    """
    if signals.chosen is not None:
        return Route(signals.chosen, signals.role, YOU_CHOSE)
    role, why = rule(signals)
    first, second = (signals.ux, signals.task) if role is Role.UX else (signals.task, signals.ux)
    if first.ref is None and second.ref is None:
        raise NoModel(first.detail or second.detail)
    if reason := _reason_against(first, second, signals):
        first, second, role, why = second, first, _other(role), reason
    elif not first.resident:
        why += "; has to be loaded"
    if first.ref is None:
        raise NoModel(first.detail)
    others = (second.ref,) if second.ref is not None and _may_stand_in(first, second, signals.rules) else ()
    return Route(first.ref, role, why, others)


def left_after(error: ModelError, failed: ModelRef, fallbacks: Iterable[ModelRef]) -> list[ModelRef]:
    """Who is worth asking when a model failed: of a server that does not answer, or lets nobody in, nobody."""
    away = error.away_since is not None or isinstance(error, (Unreachable, NotAuthorised, NotTrusted))
    return [ref for ref in fallbacks if not (away and ref.backend is failed.backend)]


def _other(role: Role) -> Role:
    return Role.TASK if role is Role.UX else Role.UX


def rule(signals: Signals) -> tuple[Role, str]:
    """The role whose model it is by what the user said and the settings, and why; also where neither has a model."""
    rules = signals.rules
    if signals.role is Role.UX:
        return Role.UX, ANSWERS
    if signals.given is not None:
        usual = rule(replace(signals, given=None))
        return usual if usual[0] is signals.given else (signals.given, YOU_CHOSE)
    if rules.tasks == "ux":
        return Role.UX, "the settings give it all tasks"
    works = DOES_TASKS if signals.p is None else f"{DOES_TASKS}; detected {format_probability(signals.p)}"
    if rules.simple_tasks == "task" or signals.simple is None or signals.simple < rules.simple_from:
        return Role.TASK, works
    if signals.task.ref is not None and (signals.ux.ref is None or _is_lesser(signals.ux, signals.task)):
        return Role.TASK, works
    simple = f"simple {format_probability(signals.simple)}"
    if signals.ux.ref == signals.task.ref and signals.ux.ref is not None:
        return Role.UX, f"{works}; {simple}"
    if signals.task.ref is None or signals.ux.ref is None:
        return Role.UX, f"{simple}: small model"
    if signals.ux.trouble:
        return Role.TASK, f"{simple}, but {signals.ux.ref.model} {signals.ux.trouble}"
    if not signals.ux.holds(signals.prompt_tokens):
        return Role.TASK, f"{simple}, but the prompt is too long for {signals.ux.ref.model}"
    return Role.UX, f"{simple}: small model"


def _reason_against(first: Candidate, second: Candidate, signals: Signals) -> str:
    """Why the second one serves instead of the first; empty where it does not."""
    if first.ref is None:
        return f"there is no model for {'tasks' if first is signals.task else 'conversations'}"
    if not _may_stand_in(first, second, signals.rules):
        return ""
    if first.trouble:
        return f"in place of {first.ref.model}, which {first.trouble}"
    if not first.holds(signals.prompt_tokens) and second.holds(signals.prompt_tokens):
        return f"the prompt is too long for {first.ref.model}"
    return ""


def _may_stand_in(first: Candidate, second: Candidate, rules: Rules) -> bool:
    """Whether the second one may serve in the place of the first."""
    if _is_lesser(second, first):
        return False
    return rules.fallback and second.ref not in (None, first.ref) and not second.trouble


def _is_lesser(one: Candidate, other: Candidate) -> bool:
    """Whether one may not take the place of the other by itself: a starter that of a model the user set up."""
    return one.demo and not other.demo


async def with_fallbacks(
    roles: Roles,
    route: Route,
    ask: Callable[[ModelRef, str, ModelError | None], Awaitable[T]],
    *,
    may_replace: Callable[[ModelError], bool],
    reason: Callable[[ModelRef, ModelError], str],
    role: Role = Role.UX,
) -> T:
    """Ask the model of a route, and where it fails those that may stand in for it.

    Args:
        roles: show that a model failed.
        route: the model, why that one, and the others.
        ask: asks a model; gets why this one, and why the one before it failed.
        may_replace: whether another model may be asked after an error: not where something was written already.
        reason: why another model is asked in the place of one that failed.
        role: for whom they are asked.
    Raises:
        ModelError: of the last one that was asked.
    """
    ref, why, others = route.ref, route.why, list(route.fallbacks)
    before: ModelError | None = None
    while True:
        try:
            return await ask(ref, why, before)
        except ModelError as error:
            log.info("%s did not answer: %s: %s", ref, error.code, error)
            await roles.failed(ref, error, role=role)
            others = left_after(error, ref, others)
            if not others or not may_replace(error):
                raise
            why, before = reason(ref, error), error
            ref = others.pop(0)


class Router:
    """Chooses models. Everything but a role that has not been looked for yet is read from memory.

    Args:
        roles: who serves, and how that is going.
        pool: what is in memory, and what failed lately.
        settings: the rules.
    """

    def __init__(self, roles: Roles, pool: Pool, settings: RouteSettings) -> None:
        self._roles = roles
        self._pool = pool
        self._rules = Rules(settings.tasks, settings.simple_tasks, settings.simple_from, settings.fallback)

    async def route(
        self,
        role: Role,
        *,
        p: float | None = None,
        simple: float | None = None,
        given: Role | None = None,
        prompt_tokens: int = 0,
        chosen: ModelRef | None = None,
    ) -> Route:
        """Choose the model for a reply or a step.

        Args:
            role: UX for a reply in a conversation, TASK for work.
            p: the probability with which it was detected as a task, where it was.
            simple: the probability that the task is simple; None where no rule is to look at that.
            given: the role whose model the user gave the task to.
            prompt_tokens: about how long the prompt is; 0 where it will be cut to fit.
            chosen: the model that the user chose for this.
        Raises:
            NoModel: there is none; the sentence says what to do.
        """
        if chosen is None and self._roles.states.status(role).ref is None:
            await self._roles.resolve()
        found = route(self.signals(role, p=p, simple=simple, given=given, prompt_tokens=prompt_tokens, chosen=chosen))
        log.info(
            "%s goes to %s: %s%s",
            "a reply" if role is Role.UX else "a task",
            found.ref,
            found.why,
            f"; else {', '.join(map(str, found.fallbacks))}" if found.fallbacks else "",
        )
        return found

    def signals(
        self,
        role: Role,
        *,
        p: float | None = None,
        simple: float | None = None,
        given: Role | None = None,
        prompt_tokens: int = 0,
        chosen: ModelRef | None = None,
    ) -> Signals:
        """What a choice would depend on now; read from memory."""
        ux, task = self._candidate(Role.UX), self._candidate(Role.TASK)
        return Signals(role, ux, task, p, simple, given, prompt_tokens, chosen, self._rules)

    def preview(self, role: Role, simple: float | None = None) -> ModelRef | None:
        """The model that would be asked now, for a display; None where there is none. Read from memory.

        Args:
            role: UX for a reply, TASK for work.
            simple: the probability that it is simple, of work.
        """
        signals = self.signals(role, simple=simple)
        return route(signals).ref if signals.ux.ref or signals.task.ref else None

    def _candidate(self, role: Role) -> Candidate:
        status = self._roles.states.status(role)
        if status.ref is None:
            return Candidate(None, RoleState.UNSET, detail=status.detail)
        return Candidate(
            status.ref,
            status.state,
            resident=status.state is RoleState.READY or self._pool.resident(status.ref, role) is not None,
            given_up=self._pool.breakers.open(status.ref),
            window=self._pool.known_window(status.ref),
            detail=status.detail,
            demo=status.demo,
        )
