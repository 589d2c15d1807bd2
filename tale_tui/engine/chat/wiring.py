"""Ties together what answers messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.events import Fact
from tale_tui.engine.chat.classify import MessageClassifier
from tale_tui.engine.chat.context_report import ContextReporter
from tale_tui.engine.chat.digests import DigestService, DigestServices
from tale_tui.engine.chat.generate import ChatServices
from tale_tui.engine.chat.prompt_builder import PromptBuilder
from tale_tui.engine.chat.start import TaskSubmitter, TurnStarter
from tale_tui.engine.chat.turn import TurnManager
from tale_tui.engine.learning.wiring import LearnedModels
from tale_tui.engine.metrics.budgets import Budgets
from tale_tui.engine.metrics.recorder import CallRecorder
from tale_tui.engine.models.wiring import ModelServices
from tale_tui.engine.recall.service import RecallService
from tale_tui.engine.route.router import Router
from tale_tui.engine.store.store import Store


@dataclass(frozen=True, slots=True)
class ChatParts:
    """What answers messages.

    Attributes:
        turns: the verbs.
        digests: sums up older turns while nobody is answered.
    """

    turns: TurnManager
    digests: DigestService


def build_chat(
    *,
    store: Store,
    settings: Settings,
    clock: Clock,
    publish: Callable[[Fact], None],
    models: ModelServices,
    router: Router,
    learned: LearnedModels,
    calls: CallRecorder,
    budgets: Budgets,
    recall: RecallService,
    tasks: TaskSubmitter,
    corrected: Callable[[], None],
    can_write: bool,
) -> ChatParts:
    """Make them; nothing is started.

    Args:
        store: keeps the conversations.
        settings: all settings.
        clock: the time and the ids.
        publish: takes the facts.
        models: what lives on models.
        router: which model, and why.
        learned: says whether a message is a task, and how hard.
        calls: has the calls of models until they are stored.
        budgets: say whether a model may sum up.
        recall: says what is remembered.
        tasks: carries out what is a task.
        corrected: told when the user said what a message is.
        can_write: whether digests may be kept.
    """
    pool, roles = models.pool, models.roles
    prompt_builder = PromptBuilder(store, pool, settings)
    digest_services = DigestServices(
        store=store,
        pool=pool,
        roles=roles,
        prompt_builder=prompt_builder,
        budgets=budgets,
        settings=settings,
        clock=clock,
        publish=publish,
        answering=lambda: turns.busy,
        typed=lambda: turns.typed,
    )
    digests = DigestService(digest_services, can_write=can_write)
    services = ChatServices(
        store=store,
        pool=pool,
        roles=roles,
        router=router,
        prompt_builder=prompt_builder,
        chat=settings.chat,
        clock=clock,
        publish=publish,
        calls=calls,
        recall=recall,
        digests=digests,
    )
    classifier = MessageClassifier(store, learned, settings.detect, router.preview, clock.now)
    turns = TurnManager(
        services=services,
        starter=TurnStarter(services, classifier, tasks, corrected),
        classifier=classifier,
        contexts=ContextReporter(store, pool, roles, prompt_builder, digests, settings, clock),
    )
    return ChatParts(turns, digests)
