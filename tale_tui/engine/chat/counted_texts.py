"""How many tokens texts have by the tokenizer of their model, where it can be had; each text is counted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tale_tui.domain.constants import COUNTS_KEPT_MAX, MESSAGE_COUNTS_MAX
from tale_tui.domain.errors import ModelError
from tale_tui.domain.models import ModelRef
from tale_tui.engine.models.backend import ChatMessage
from tale_tui.engine.models.pool import Pool


class CountedTexts:
    """Counts texts and remembers what was counted.

    Args:
        pool: the door to the models.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[ModelRef, dict[str, int]] = {}
        self._template: dict[ModelRef, int] = {}
        """Tokens that the template of a model adds to a message."""

    def known(self, ref: ModelRef) -> Mapping[str, int]:
        """What was counted for a model: the tokens of each text."""
        return self._known.get(ref, {})

    async def count(self, ref: ModelRef, texts: Iterable[str]) -> bool:
        """Count texts that were not, `MESSAGE_COUNTS_MAX` at most; never raises.

        Args:
            ref: the model.
            texts: the most wanted first.
        Returns:
            Whether all of them are known now.
        """
        known = self._known.setdefault(ref, {})
        new = [text for text in texts if text not in known]
        if new and ref not in self._template:
            if (empty := await self._ask(ref, "")) is None:
                return False
            self._template[ref] = empty
        for text in new[:MESSAGE_COUNTS_MAX]:
            if (counted := await self._ask(ref, text)) is None:
                return False
            known[text] = max(1, counted - self._template[ref])
        while len(known) > COUNTS_KEPT_MAX:
            del known[next(iter(known))]
        return len(new) <= MESSAGE_COUNTS_MAX

    async def _ask(self, ref: ModelRef, text: str) -> int | None:
        try:
            return await self._pool.count_tokens(ref, (ChatMessage("user", text),))
        except ModelError:
            return None  # then an estimate has to do
