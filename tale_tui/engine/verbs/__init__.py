"""What can be asked of an engine, here or in another process.

Coroutines and async generators with plain data in and out: `Engine` does it, `link` carries it. Every argument and
every result is made of the classes of `types` and `events` and of str, int, float, bool, None and tuples, so that
each can cross a process. Every verb may raise `errors.TaleError`.
"""

from typing import Protocol

from tale_tui.engine.verbs.models import ModelVerbs
from tale_tui.engine.verbs.sessions import SessionVerbs
from tale_tui.engine.verbs.tasks import TaskVerbs
from tale_tui.engine.verbs.turns import TurnVerbs
from tale_tui.engine.verbs.whole import WholeVerbs


class Verbs(TurnVerbs, TaskVerbs, SessionVerbs, ModelVerbs, WholeVerbs, Protocol):
    """The engine as its faces see it."""
