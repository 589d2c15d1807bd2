"""What was chosen and what was learned: the model of each role, the length of a token, what messages are."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from tale_tui.domain.context import ScriptClass
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.text import clean
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import message_text, ref_of


class Preferences(Database):
    """Small facts about roles and models."""

    async def role_choice(self, role: Role) -> ModelRef | None:
        """The model that last served a role; None where none has."""

        def job(connection: sqlite3.Connection) -> ModelRef | None:
            row = connection.execute("SELECT backend, model FROM role_choice WHERE role = ?", (role,)).fetchone()
            return ref_of(*row) if row else None

        return await self._read(job)

    async def keep_role_choice(self, role: Role, ref: ModelRef) -> None:
        """Remember the model that serves a role."""
        await self._write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO role_choice (role, backend, model) VALUES (?, ?, ?)",
                (role, ref.backend, clean(ref.model)),
            )
        )

    @cached_property
    def text_ratios(self) -> dict[ModelRef, Mapping[ScriptClass, float]]:
        """Of each model that was measured: how many bytes a token of it has, by script. See `read_models`."""
        return {}

    async def keep_text_ratios(self, ref: ModelRef, bytes_per_token: Mapping[ScriptClass, float]) -> None:
        """Remember how many bytes a token of this model has."""
        self.text_ratios[ref] = bytes_per_token
        rows = [(ref.backend, clean(ref.model), script, ratio) for script, ratio in bytes_per_token.items()]
        await self._write(
            lambda connection: connection.executemany(
                "INSERT OR REPLACE INTO script_ratio (backend, model, script, bytes_per_token) VALUES (?, ?, ?, ?)",
                rows,
            )
        )

    @cached_property
    def thinks_unopened(self) -> dict[ModelRef, bool]:
        """Of each model that was seen to write: whether its thinking comes in its text, with an end and no beginning.

        See `read_models`.
        """
        return {}

    async def read_models(self) -> None:
        """Take over what is remembered of the models. It is held in memory, as it is wanted before every reply."""

        def job(connection: sqlite3.Connection) -> None:
            for backend, model, script, ratio in connection.execute(
                "SELECT backend, model, script, bytes_per_token FROM script_ratio"
            ):
                if (ref := ref_of(backend, model)) is not None and script in list(ScriptClass):
                    self.text_ratios[ref] = {**self.text_ratios.get(ref, {}), ScriptClass(script): ratio}
            for backend, model, unopened in connection.execute("SELECT backend, model, unopened FROM model_thinking"):
                if (ref := ref_of(backend, model)) is not None:
                    self.thinks_unopened[ref] = bool(unopened)

        await self._read(job)

    async def keep_thinks_unopened(self, ref: ModelRef, unopened: bool) -> None:
        """Remember how the thinking of this model comes."""
        self.thinks_unopened[ref] = unopened
        await self._write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO model_thinking (backend, model, unopened) VALUES (?, ?, ?)",
                (ref.backend, clean(ref.model), unopened),
            )
        )


@dataclass(frozen=True, slots=True)
class Label:
    """A message, and what it is."""

    text: str
    is_task: bool
    p: float | None = None
    """How likely a task the detector thought it; None where it was not asked."""
    created: float = 0.0


class Labels(Database):
    """The labels; of those of the same text the last one counts."""

    async def add_label(self, text: str, is_task: bool, p: float | None = None) -> Label:
        """Keep what a message is.

        Raises:
            EmptyMessage: nothing is left of the text.
        """
        label = Label(message_text(text), is_task, p, self._clock.now())

        def job(connection: sqlite3.Connection) -> Label:
            connection.execute(
                "INSERT INTO label (text, is_task, p, created) VALUES (?, ?, ?, ?)",
                (label.text, label.is_task, label.p, label.created),
            )
            return label

        return await self._write(job)

    async def labels(self) -> tuple[Label, ...]:
        """For each text what was said of it last, in the order in which that was said."""

        def job(connection: sqlite3.Connection) -> tuple[Label, ...]:
            rows = connection.execute(
                "SELECT text, is_task, p, created FROM label WHERE n IN (SELECT max(n) FROM label GROUP BY text) "
                "ORDER BY n"
            )
            return tuple(Label(clean(text), bool(is_task), p, created) for text, is_task, p, created in rows)

        return await self._read(job)
