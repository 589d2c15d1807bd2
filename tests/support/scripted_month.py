"""A month of one user, made up: what was asked of which model, and what came. Knows nothing of who learns from it.

The user has jobs that come back, in four languages: some word for word each week, most about another subject each
time. Small jobs go to a small model, large ones to a large one, and a third one is tried now and then, which on
`CHANGE_DAY` begins to write more, and more slowly, under the same name. Tasks fail and are cancelled, and some
messages were taken for what they are not.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

DAYS = 30
TASKS_A_DAY = (8, 24)
CHANGE_DAY = 15
CHANGED_LENGTH, CHANGED_SPEED = 2.0, 0.6
DAY_S = 86_400.0
MORNING_S, EVENING_S = 8 * 3_600.0, 22 * 3_600.0


@dataclass(frozen=True, slots=True)
class Job:
    """Something that a user has done again and again."""

    text: str
    """`{}` is the subject; without one it is asked word for word."""
    tokens: int
    """As long as the answer is to be expected."""
    steps: int = 1
    large: bool = False


JOBS = (
    Job("Write the subject line for a mail about {}", 25),
    Job("Translate into Spanish: we have to talk about {}", 60),
    Job("Write a haiku about {}", 40),
    Job("Give me five names for a shop that sells {}", 90),
    Job("Summarise this week's notes on {} in three sentences", 110),
    Job("Write a function in Python that counts {}", 190),
    Job("Rewrite the paragraph on {} so that a child understands it", 200),
    Job("Write the stand-up notes for the team", 150),
    Job("Draft a polite mail to the landlord about {}", 230),
    Job("List the risks of {} with a line on each", 380),
    Job("Explain how {} work, with an example", 520),
    Job("Write unit tests for the module on {}", 640, large=True),
    Job("Plan a workshop on {} for twelve people, with times and material", 780, 2, large=True),
    Job("Compare three ways to deal with {} and recommend one, with reasons", 820, large=True),
    Job("Write the weekly report on sales, support and open invoices", 700, large=True),
    Job("Design a database schema for {}, with tables, keys, indexes, and the reasons for each", 950, 4, large=True),
    Job("Build a web application for {} with login, database, API and tests", 1_700, 5, large=True),
    Job("Review the code on {} for errors, speed and security, and write what to change", 900, large=True),
    Job("Schreibe eine Betreffzeile zum Thema {}", 25),
    Job("Fasse die Notizen zu {} in drei Sätzen zusammen", 120),
    Job("Entwirf ein Konzept für {} mit Zielen, Zeitplan, Kosten und Risiken", 1_000, 4, large=True),
    Job("Escribe un correo breve sobre {}", 170),
    Job("Explica con detalle cómo se organiza un archivo de {}", 600, large=True),
    Job("Écris un résumé des réunions sur {}", 210),
    Job("Prépare un plan de formation sur {} avec horaires, exercices et évaluation", 880, 3, large=True),
)
SUBJECTS = (
    "bicycles", "tax forms", "tide tables", "maps", "choirs", "coffee", "glaciers", "invoices", "shift plans", "rivers",
    "chess", "stock lists", "bread", "robots", "solar panels", "reviews", "lunches", "volcanoes", "contracts", "logs",
    "gardens", "accounts", "weather", "museums", "trails", "tickets", "schools", "recipes", "boats", "photographs",
)  # fmt: skip
SAID_OF = (
    ("the usual for friday", True), ("same again for the boss", True), ("numbers please", True), ("that list", True),
    ("would you write like that?", False), ("do you ever plan a day?", False), ("what would a list help", False),
    ("minutes, as always", True), ("invoices for march", True), ("is a report any use", False),
)  # fmt: skip
"""Messages, and whether they were tasks: what the user said of them."""


@dataclass(frozen=True, slots=True)
class MonthModel:
    """A model and its habits."""

    name: str
    level: float
    """How much more it writes than one would expect."""
    spread: float
    """How differently it takes one job and another: a standard deviation, in logarithms."""
    speed: float
    """Tokens a second."""


SMALL, LARGE, TRIED = (
    MonthModel("qwen2.5:3b", 0.8, 0.35, 42.0),
    MonthModel("qwen3:14b", 1.25, 0.45, 11.0),
    MonthModel("gemma3:4b", 1.0, 0.5, 30.0),
)
SUBJECT_SPREAD, AGAIN_SPREAD, SPEED_SPREAD = 0.2, 0.12, 0.08
FAILED, CANCELLED, TRIES = 0.04, 0.05, 0.25
PROMPT_TOKENS, LETTERS_OF_TOKEN, READ_A_SECOND = 75, 4.1, 400.0


@dataclass(frozen=True, slots=True)
class MonthTask:
    """One task, and how it went."""

    at: float
    """When it was asked for, in seconds from the beginning of the month."""
    text: str
    model: str
    outcome: str
    """`done`, `failed` or `cancelled`."""
    steps: tuple[tuple[int, int, float], ...]
    """Of each step the tokens read, the tokens written, and the seconds."""
    recurs: bool
    changed: bool
    """Whether its model has changed before."""

    @property
    def written(self) -> int:
        """Tokens of all steps."""
        return sum(written for _, written, _ in self.steps)

    @property
    def seconds(self) -> float:
        """Of all steps."""
        return sum(seconds for _, _, seconds in self.steps)


class _Habits:
    """How long each model takes each job."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._own: dict[tuple[str, ...], float] = {}

    def written(self, job: Job, subject: str, model: MonthModel) -> int:
        """Tokens, this time."""
        of_job = self._of((model.name, job.text), model.spread)
        of_subject = self._of((model.name, job.text, subject), SUBJECT_SPREAD)
        again = self._chance.gauss(0, AGAIN_SPREAD)
        return max(3, round(job.tokens * model.level * math.exp(of_job + of_subject + again)))

    def _of(self, key: tuple[str, ...], spread: float) -> float:
        return self._own.setdefault(key, self._chance.gauss(0, spread))


def scripted_month(seed: int = 1, days: int = DAYS) -> list[MonthTask]:
    """What a user had done, in order.

    Args:
        seed: another user.
        days: how long.
    """
    chance = random.Random(seed)
    habits, favourites = _Habits(chance), chance.sample(JOBS, len(JOBS))
    weights = [1 / (place + 4) for place in range(len(favourites))]
    asked, made = set[str](), list[MonthTask]()
    for day in range(days):
        for at in sorted(chance.uniform(MORNING_S, EVENING_S) for _ in range(chance.randint(*TASKS_A_DAY))):
            job, subject = chance.choices(favourites, weights)[0], chance.choice(SUBJECTS)
            text = job.text.format(subject)
            model = TRIED if chance.random() < TRIES else LARGE if job.large else SMALL
            changed = model is TRIED and day >= CHANGE_DAY
            parts = [habits.written(job, subject, model) / job.steps for _ in range(job.steps)]
            steps = []
            for part in parts:
                written = max(3, round(part * (CHANGED_LENGTH if changed else 1.0)))
                read = PROMPT_TOKENS + round(len(text) / LETTERS_OF_TOKEN)
                speed = model.speed * (CHANGED_SPEED if changed else 1.0) * math.exp(chance.gauss(0, SPEED_SPREAD))
                steps.append((read, written, read / READ_A_SECOND + written / speed))
            luck = chance.random()
            outcome = "failed" if luck < FAILED else "cancelled" if luck < FAILED + CANCELLED else "done"
            made.append(MonthTask(day * DAY_S + at, text, model.name, outcome, tuple(steps), text in asked, changed))
            asked.add(text)
    return made
