"""What was chosen and what was learned: the model of each role, how long a token of a model's text is."""

from __future__ import annotations

import sqlite3

from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import ref_of
from tale_tui.engine.text import clean
from tale_tui.engine.types import ModelRef, Role


class Choices(Database):
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

    async def text_ratio(self, ref: ModelRef) -> float | None:
        """How many characters a token of this model has, as measured; None before the first measurement."""

        def job(connection: sqlite3.Connection) -> float | None:
            row = connection.execute(
                "SELECT characters_per_token FROM text_ratio WHERE backend = ? AND model = ?",
                (ref.backend, clean(ref.model)),
            ).fetchone()
            return row[0] if row else None

        return await self._read(job)

    async def keep_text_ratio(self, ref: ModelRef, characters_per_token: float) -> None:
        """Remember how many characters a token of this model has."""
        await self._write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO text_ratio (backend, model, characters_per_token) VALUES (?, ?, ?)",
                (ref.backend, clean(ref.model), characters_per_token),
            )
        )
