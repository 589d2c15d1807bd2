"""A user's history, made up: what was asked of a model and how long it wrote. Knows nothing of who learns from it.

A user has some twenty habits of asking, each used for many subjects, comes back to a few prompts word for word, and
sometimes says how long the answer is to be. A model has a length of its own for each habit, which the text alone does
not tell, and varies around it: less where the same prompt is asked again.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

HABITS = (
    ("Write a poem about {}", 200),
    ("Write a short story about {}", 800),
    ("Explain {} to a ten-year-old", 400),
    ("Explain {} in detail", 1000),
    ("Translate this note on {} into Spanish", 120),
    ("Give me five ideas for {}", 300),
    ("Write a Python script that deals with {}", 550),
    ("Write unit tests for the module on {}", 700),
    ("Fix the bug in my code about {}", 350),
    ("Plan a workshop on {}", 900),
    ("Write an email to my colleague about {}", 180),
    ("Compare two approaches to {}", 700),
    ("Summarise what is known about {}", 350),
    ("What is {}?", 250),
    ("Design a database schema for {}", 850),
    ("Review this paragraph on {}", 300),
    ("Make a quiz about {}", 500),
    ("Refactor the class for {}", 450),
    ("Write a web page about {}", 1200),
    ("List the risks of {}", 380),
)
SUBJECTS = (
    "bee keeping", "tax forms", "tidal power", "train timetables", "medieval bridges", "coffee roasting", "glaciers",
    "invoices", "shift planning", "river ecology", "chess openings", "warehouse stock", "sleep", "bread", "robots",
    "solar panels", "bicycle repair", "customer reviews", "school lunches", "volcanoes", "rental contracts", "maps",
    "choir rehearsals", "garden design", "user accounts", "log files", "weather data", "museum visits", "sourdough",
    "hiking trails",
)  # fmt: skip
HABIT_SPREAD = 0.5
"""Standard deviation, in logarithms, of a model's own length for a habit around what one would expect."""
SUBJECT_SPREAD, AGAIN_SPREAD, OBEYED_SPREAD = 0.25, 0.12, 0.14
TOKENS_PER_WORD = 1.35
PROMPT_TOKENS = 80
"""What stands around the text of each task."""


@dataclass(frozen=True, slots=True)
class ScriptedRun:
    """One thing that was asked, and what came."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    recurs: bool
    """Whether the text stood in the history before."""
    budget: bool
    """Whether it says how long the answer is to be."""


class ScriptedModel:
    """A model with lengths of its own.

    Args:
        seed: which one.
        level: how much more it writes than one would expect.
        tokens_per_second: how fast.
    """

    def __init__(self, seed: int, *, level: float = 1.0, tokens_per_second: float = 20.0) -> None:
        chance = random.Random(seed)
        self._habits = [math.log(tokens * level) + chance.gauss(0, HABIT_SPREAD) for _, tokens in HABITS]
        self._subjects: dict[tuple[int, str], float] = {}
        self._chance = chance
        self.tokens_per_second = tokens_per_second

    def length(self, habit: int, subject: str, words: int | None) -> int:
        """How long it writes this time, in tokens."""
        if words is not None:
            return max(1, round(words * TOKENS_PER_WORD * math.exp(self._chance.gauss(0, OBEYED_SPREAD))))
        own = self._subjects.setdefault((habit, subject), self._chance.gauss(0, SUBJECT_SPREAD))
        return max(1, round(math.exp(self._habits[habit] + own + self._chance.gauss(0, AGAIN_SPREAD))))


def scripted_history(
    runs: int,
    *,
    seed: int = 1,
    recurring: float = 0.2,
    budgets: float = 0.1,
    changes_at: int | None = None,
    level_after: float = 2.0,
) -> list[ScriptedRun]:
    """What a user asked, in order.

    Args:
        runs: how many.
        seed: another user with another model.
        recurring: the share of runs that repeat an earlier prompt.
        budgets: the share of the others that say a number of words.
        changes_at: from this run on another model answers under the same name; None never.
        level_after: how much more that one writes.
    """  # fmt: skip
    chance, model, made = random.Random(seed * 7919), ScriptedModel(seed), []
    habits = chance.sample(range(len(HABITS)), len(HABITS))
    weights = [1 / (place + 2) for place in range(len(habits))]
    asked: list[tuple[int, str, int | None]] = []
    for number in range(runs):
        if number == changes_at:
            model = ScriptedModel(seed, level=level_after, tokens_per_second=12)
        if asked and chance.random() < recurring:
            wish, recurs = chance.choice(asked), True
        else:
            words = chance.choice((50, 100, 150, 250, 400, 800)) if chance.random() < budgets else None
            wish = (chance.choices(habits, weights)[0], chance.choice(SUBJECTS), words)
            recurs = wish in asked
        asked.append(wish)
        habit, subject, words = wish
        text = HABITS[habit][0].format(subject) + (f" in about {words} words" if words else "")
        written = model.length(habit, subject, words)
        read = PROMPT_TOKENS + round(len(text) / 4.2)
        seconds = read / 400 + written / (model.tokens_per_second * math.exp(chance.gauss(0, 0.08)))
        made.append(ScriptedRun(text, read, written, seconds, recurs, words is not None))
    return made
