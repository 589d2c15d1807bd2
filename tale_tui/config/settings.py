"""Every setting with its default and its bounds; `load` reads them."""

from __future__ import annotations

import difflib
import re
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tale_tui.config.first_frame import DEFAULT_THEME
from tale_tui.config.names import PREFIX
from tale_tui.domain.constants import (
    PROMISED_FIRST_TEXT_S,
    PROMISED_SIMPLE_TASK_S,
    PROMISED_SWITCH_S,
    TIME_LIMIT_MAX_S,
)
from tale_tui.domain.models import BackendName, ModelRef

TOKENS_MAX = 10_000_000
"""More tokens than any model has a window for."""
GIGABYTES_MAX = 1_000_000.0
"""More than any machine has."""
TASK_CHARACTERS_MAX = 10_000_000
"""Of a task: far more than any model reads."""
PER_MINUTE_MAX = 100_000
BUDGET_TOKENS_MAX = 1_000_000_000
"""Of a month: far more than any machine writes."""
KEPT_DAYS_MAX = 36_500
"""A hundred years."""
PRICE_MAX = 1_000_000_000.0
"""For a million tokens, in any money."""
PORT_MAX = 65_535
AUTO = "auto"
"""A role that takes Ollama where it answers and has a chat model, else the embedded backend."""


def _check_role(value: str) -> str:
    if value == AUTO:
        return value
    backend, _, model = value.partition("/")
    names = [name.value for name in BackendName]
    if backend in names and model:
        return str(ModelRef.parse(value))
    near = difflib.get_close_matches(backend, names, n=1)
    hint = f"did you mean `{near[0]}/{model}`?" if near and model else f"backends are {', '.join(names)}"
    raise ValueError(f"it takes `{AUTO}` or backend/model, as in ollama/qwen2.5:7b ({hint})")


RoleSetting = Annotated[str, AfterValidator(_check_role)]
"""`auto`, or `backend/model`."""


def _check_model(value: str) -> str:
    try:
        return str(ModelRef.parse(value))
    except ValueError as error:
        raise ValueError("it takes backend/model, as in openai/gpt-4o") from error


ModelName = Annotated[str, AfterValidator(_check_model)]


class SettingsGroup(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OllamaSettings(SettingsGroup):
    """[ollama]"""

    host: str = "http://127.0.0.1:11434"
    """Address of the server; OLLAMA_HOST is honoured. Read when it is used: a wrong one troubles nobody else."""
    keep_alive_s: int | None = Field(None, ge=-1, le=int(TIME_LIMIT_MAX_S))
    """How long a model stays loaded after a call, in seconds; -1 for ever; not set: as long as a role uses it."""


class OpenAISettings(SettingsGroup):
    """[openai]: any server that speaks /v1/chat/completions. The key comes from TALE_OPENAI_KEY alone."""

    base_url: str = "http://127.0.0.1:8080/v1"


class EmbeddedSettings(SettingsGroup):
    """[embedded]: llama.cpp in a child process."""

    threads: int = Field(0, ge=0, le=256)
    """0 takes one less than the physical cores."""
    window: int = Field(4096, ge=512, le=131072)
    """Tokens."""
    history_tokens: int = Field(1000, ge=200, le=TOKENS_MAX)
    """Tokens of prompt sent at most: reading them on a CPU takes time."""
    memory_limit_gb: float = Field(0.0, ge=0, le=GIGABYTES_MAX)
    """Of the child process; 0 leaves it to the machine."""


class LimitSettings(SettingsGroup):
    """[limits]: how long to wait, in seconds."""

    probe_s: float = Field(1.0, gt=0, le=TIME_LIMIT_MAX_S)
    """For a server to say that it is there."""
    connect_s: float = Field(3.0, gt=0, le=TIME_LIMIT_MAX_S)
    first_token_s: float = Field(300.0, gt=0, le=TIME_LIMIT_MAX_S)
    """From the request to the first piece, loading included."""
    silence_s: float = Field(120.0, gt=0, le=TIME_LIMIT_MAX_S)
    """Between two pieces."""


class ChatSettings(SettingsGroup):
    """[chat]"""

    window: int = Field(0, ge=0, le=TOKENS_MAX)
    """The context window to ask for, in tokens; 0: the smaller of 8192 and the model's own."""
    max_tokens: int = Field(1024, ge=1, le=TOKENS_MAX)
    """The most tokens that an answer may have."""
    temperature: float | None = Field(None, ge=0, le=2)
    think: bool | None = None
    """Whether models that can think shall; not set leaves it to the model."""
    system: str = "You are a helpful assistant. Answer briefly and plainly."


class ContextSettings(SettingsGroup):
    """[context]: what a model is shown of a conversation besides its newest turns."""

    summaries: bool = True
    """Whether the model that answers sums up older turns in the background; the turns themselves always stay."""
    rules: str = ""
    """What models are to heed in every conversation and every task, whatever the system prompt says."""


class DetectSettings(SettingsGroup):
    """[detect]: whether a message is a task or chat. TALE_DETECT=off makes everything chat."""

    enabled: bool = True
    task_from: float = Field(0.7, gt=0.5, le=1)
    """From this probability on a message becomes a task."""
    chat_to: float = Field(0.3, ge=0, lt=0.5)
    """Up to this probability it is chat; between the two the user is asked."""
    learn: bool = True
    """Whether your corrections teach the detector."""


class LearningSettings(SettingsGroup):
    """[learning]: what else learns on this machine; `detect.learn` is for the detector."""

    complexity: bool = True
    """Whether what tasks took teaches how hard the next ones are."""
    forecast: bool = True
    """Whether forecasts learn from what models wrote here; without it they say what is usual."""


class RouteSettings(SettingsGroup):
    """[route]: which model does what."""

    tasks: Literal["task", "ux"] = "task"
    """The role whose model carries out tasks."""
    simple_tasks: Literal["task", "ux"] = "ux"
    """The role whose model carries out those that are judged to be simple."""
    simple_from: float = Field(0.5, gt=0, le=1)
    """From this probability on a task counts as simple."""
    fallback: bool = True
    """Whether the other model serves when the chosen one fails."""


class TaskSettings(SettingsGroup):
    """[tasks]"""

    running: int = Field(4, ge=1, le=1000)
    """Tasks that run at the same time, at most."""
    per_model: int = Field(0, ge=0, le=1000)
    """Of one model; 0: one on this machine, four on a server elsewhere."""
    steps: int = Field(4, ge=1, le=100)
    """Steps of one task that run at the same time, at most."""
    text_limit: int = Field(16_000, ge=100, le=TASK_CHARACTERS_MAX)
    """Characters of a task."""
    per_minute: int = Field(120, ge=1, le=PER_MINUTE_MAX)
    """Tasks that may be handed in within a minute."""
    time_limit_s: float = Field(7200.0, gt=0, le=TIME_LIMIT_MAX_S)
    """Of a task, in the time that it runs."""
    step_limit_s: float = Field(1800.0, gt=0, le=TIME_LIMIT_MAX_S)
    """Of one attempt at a step."""
    retries: int = Field(3, ge=0, le=20)
    """Attempts at a step after the first, where trying again may help."""
    backoff_s: float = Field(2.0, gt=0, le=TIME_LIMIT_MAX_S)
    """Before the second attempt; it doubles with each."""
    backoff_max_s: float = Field(60.0, gt=0, le=TIME_LIMIT_MAX_S)
    server_wait_s: float = Field(86_400.0, gt=0, le=TIME_LIMIT_MAX_S)
    """For a server that is away; then a task asks whether to go on waiting."""
    max_tokens: int = Field(4096, ge=1, le=TOKENS_MAX)
    """The most tokens that a step may write."""
    over_length: Literal["ask", "stop", "off"] = "ask"
    """What is done with a step that writes far more than its like."""
    large_tokens: int = Field(4000, ge=0, le=TOKENS_MAX)
    """A forecast of more tokens, read and written, is said before a task runs; 0: none is."""
    large_s: float = Field(300.0, ge=0, le=TIME_LIMIT_MAX_S)
    """The same of a longer time."""
    resume: Literal["ask", "always", "never"] = "ask"
    """What is done with tasks that were cut off by the end of the process."""
    leave: Literal["ask", "background", "pause"] = "ask"
    """What becomes of open tasks when the window is left; where a signal ends it nobody is asked, and they pause."""


class PlanSettings(SettingsGroup):
    """[plans]: large tasks, which a model breaks down into steps."""

    break_down: Literal["complex", "medium", "never"] = "complex"
    """Tasks that are at least so hard are broken down."""
    steps: int = Field(30, ge=2, le=100)
    """Steps of a plan that a model makes, at most; a longer one is not taken."""
    ask_complexity: Literal["medium", "complex", "never"] = "complex"
    """Plans of tasks that are at least so hard wait for your yes."""
    ask_tokens: int = Field(10_000, ge=0, le=BUDGET_TOKENS_MAX)
    """Plans that are to write more wait for your yes; 0: however many. A step with effects outside always asks."""


class CheckpointSettings(SettingsGroup):
    """[checkpoints]: of sessions, tasks and their files."""

    enabled: bool = True
    """Whether one is made after each step, and inside long ones; those that you wish for are made in any case."""
    file_mb: float = Field(5.0, gt=0, le=100)
    """A larger file of a task is left out."""
    space_mb: int = Field(1000, ge=10, le=int(GIGABYTES_MAX) * 1000)
    """The room that all of them may take; the older ones go first, and none that you wished for."""


class MemorySettings(SettingsGroup):
    """[memory]: of models on this machine."""

    limit_gb: float = Field(30.0, gt=0, le=GIGABYTES_MAX)
    """Models may use so much, and never more than the machine has free."""
    both: Literal["auto", "yes", "no"] = "auto"
    """Whether the model of the role task stays loaded too; auto: where it fits."""


def _check_embedding(value: str) -> str:
    backend, _, model = value.partition("/")
    if value not in ("auto", "off") and not (backend in list(BackendName) and model.strip()):
        raise ValueError("it takes auto, off, or a backend and a model, as in ollama/nomic-embed-text")
    return value


def _check_listen(value: str) -> str:
    if not value:
        return value
    host, separator, port = value.rpartition(":")
    numbered = port.isascii() and port.isdecimal() and 1 <= int(port) <= PORT_MAX
    try:
        loopback = host == "localhost" or ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        loopback = False
    if not (separator and numbered and loopback):
        raise ValueError("it takes an address of this machine and a port, as in 127.0.0.1:9464, or nothing")
    return value


class RecallSettings(SettingsGroup):
    """[recall]: what is remembered beyond a conversation."""

    enabled: bool = True
    """Off: nothing is kept, nothing is offered; what was kept stays until it is forgotten."""
    embedding: Annotated[str, AfterValidator(_check_embedding)] = "auto"
    """What finds by meaning: auto, off (words alone), or `backend/model`."""
    items: int = Field(5, ge=1, le=20)
    """That a reply is offered, at most."""
    tokens: int = Field(400, ge=20, le=8_000)
    """That these may take of the prompt, and never more than a tenth of the window."""


class MetricsSettings(SettingsGroup):
    """[metrics]: what other programs are told of the calls of models."""

    listen: Annotated[str, AfterValidator(_check_listen)] = ""
    """Where Prometheus may ask, as in 127.0.0.1:9464; empty: nowhere. The key comes from TALE_METRICS_KEY alone."""
    otlp: bool = False
    """Whether calls are sent to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names."""
    otlp_content: bool = False
    """Whether prompts and answers are sent too."""


class NotifySettings(SettingsGroup):
    """[notify]: when a task ends or needs you and the window is not looked at."""

    terminal: bool = True
    """A notification of the terminal (OSC 9 or 777)."""
    bell: bool = True
    quiet: str = ""
    """Hours without either, as in 22:00-07:00."""

    @field_validator("quiet")
    @classmethod
    def _hours(cls, value: str) -> str:
        if value and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", value):
            raise ValueError("it takes two times, as in 22:00-07:00, or nothing")
        return value


class AlertSettings(SettingsGroup):
    """[alerts]: what is told once when it is passed; 0 watches nothing. Times are those that 95 % stay below."""

    enabled: bool = True
    first_text_s: float = Field(PROMISED_FIRST_TEXT_S, ge=0, le=TIME_LIMIT_MAX_S)
    """Of replies, loading left out."""
    simple_task_s: float = Field(PROMISED_SIMPLE_TASK_S, ge=0, le=TIME_LIMIT_MAX_S)
    switch_s: float = Field(PROMISED_SWITCH_S, ge=0, le=TIME_LIMIT_MAX_S)
    """Until another model is in memory."""
    memory: bool = True
    """Whether models that take more than `memory.limit_gb` are told."""
    failures: int = Field(3, ge=0, le=1000)
    """Tasks that failed one after the other."""
    silent_s: float = Field(60.0, ge=0, le=TIME_LIMIT_MAX_S)
    """That nothing came from the model of a task."""
    queue_s: float = Field(600.0, ge=0, le=TIME_LIMIT_MAX_S)
    """That the queue only grew."""
    time_limit_share: float = Field(0.8, ge=0, le=1)
    """Of the time limit of a task."""
    regressions: bool = True
    """Whether a model that gets slower, writes more or fails more often than before is told."""
    command: list[str] = []
    """A program and its arguments; the sentence of an alert is added. It runs without a shell."""
    webhook: str = ""
    """An address that alerts are posted to, as JSON."""

    @field_validator("webhook")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/]\S*", value):
            raise ValueError("it takes an address, as in https://example.org/hook, or nothing")
        try:
            _ = urlsplit(value).port
        except ValueError:
            raise ValueError("it takes an address whose port is a number up to 65535, or nothing") from None
        return value

    @field_validator("command")
    @classmethod
    def _program(cls, value: list[str]) -> list[str]:
        if value and not value[0].strip():
            raise ValueError('its first part is the program, as in ["notify-send", "tale"]')
        if any("\0" in part for part in value):
            raise ValueError("it takes text without the character of the number 0")
        return value


class ModelBudget(SettingsGroup):
    """The tokens that a model may read and write; 0 is no budget."""

    day_tokens: int = Field(0, ge=0, le=BUDGET_TOKENS_MAX)
    month_tokens: int = Field(0, ge=0, le=BUDGET_TOKENS_MAX)


class BudgetSettings(ModelBudget):
    """[budgets]: of tokens, of all models together; told at 80 % and when they are spent."""

    when_spent: Literal["warn", "ask", "stop"] = "warn"
    """What becomes of tasks then. Talk is never stopped."""
    when_foreseen: Literal["ask", "off"] = "ask"
    """What becomes of a task of which more is foreseen than a budget has left."""
    models: dict[ModelName, ModelBudget] = {}
    """`backend/model` -> its own budget."""


class SampleSettings(SettingsGroup):
    """[samples]: what the dashboard shows of the machine and the models, and how long it is kept."""

    enabled: bool = True
    samples_hours: int = Field(48, ge=2, le=KEPT_DAYS_MAX * 24)
    """Single samples, of some seconds each."""
    minutes_days: int = Field(14, ge=2, le=KEPT_DAYS_MAX)
    """What was summed up by the minute."""
    hours_days: int = Field(400, ge=91, le=KEPT_DAYS_MAX)
    """By the hour."""
    days_days: int = Field(3650, ge=91, le=KEPT_DAYS_MAX)
    """By the day."""


class ModelPrice(SettingsGroup):
    """What a model costs, in the user's money for a million tokens."""

    prompt: float = Field(0.0, ge=0, le=PRICE_MAX)
    cached: float | None = Field(None, ge=0, le=PRICE_MAX)
    """Of the prompt, what the server had in its cache; not set: as the rest of it."""
    completion: float = Field(0.0, ge=0, le=PRICE_MAX)


class LookSettings(SettingsGroup):
    """[look]"""

    theme: str = DEFAULT_THEME
    code_theme: str = ""
    """A Pygments style for code; empty: as the theme says."""


class Settings(BaseSettings):
    """All settings, frozen. `Settings()` is the defaults; `load_settings` asks the flags, environment and file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        case_sensitive=True,  # a file with [Look] and [look] would have two answers
        frozen=True,
        extra="forbid",
    )

    ux: RoleSetting = AUTO
    """`auto`, or `backend/model`, for the model that answers."""
    task: RoleSetting = AUTO
    """`auto`, or `backend/model`, for the model that works."""
    ollama: OllamaSettings = OllamaSettings()
    openai: OpenAISettings = OpenAISettings()
    embedded: EmbeddedSettings = EmbeddedSettings()
    limits: LimitSettings = LimitSettings()
    chat: ChatSettings = ChatSettings()
    context: ContextSettings = ContextSettings()
    detect: DetectSettings = DetectSettings()
    learning: LearningSettings = LearningSettings()
    route: RouteSettings = RouteSettings()
    tasks: TaskSettings = TaskSettings()
    plans: PlanSettings = PlanSettings()
    checkpoints: CheckpointSettings = CheckpointSettings()
    memory: MemorySettings = MemorySettings()
    recall: RecallSettings = RecallSettings()
    metrics: MetricsSettings = MetricsSettings()
    notify: NotifySettings = NotifySettings()
    alerts: AlertSettings = AlertSettings()
    budgets: BudgetSettings = BudgetSettings()
    samples: SampleSettings = SampleSettings()
    look: LookSettings = LookSettings()
    prices: dict[ModelName, ModelPrice] = {}
    """`backend/model` -> what a million tokens cost."""
    keys: dict[str, str] = {}
    """Binding id -> keys, comma separated."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the constructor is given is all: `load` asks the other sources, to know where a value came from."""
        return (init_settings,)
