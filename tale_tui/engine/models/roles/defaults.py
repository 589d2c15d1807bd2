"""Which model serves a role when nobody said so: a pure function of what the backends report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tale_tui.config.settings import OllamaSettings
from tale_tui.domain.constants import DEFAULT_TASK_MODEL, DEFAULT_UX_MODEL, MODELS_NAMED_MAX
from tale_tui.domain.models import BackendName, BackendReport, ModelInfo, ModelRef, Role
from tale_tui.engine.models.files.starter import STARTER_ALIAS, STARTER_NAME, is_starter
from tale_tui.formatting.engine import NO_MODEL_FOUND

DEFAULT_MODELS = {Role.UX: DEFAULT_UX_MODEL, Role.TASK: DEFAULT_TASK_MODEL}

SERVERS = (BackendName.OLLAMA, BackendName.OPENAI)
OLLAMA_HERE = OllamaSettings().host
"""Where Ollama is looked for when nobody says where it is."""

NOTHING_FOUND = (
    f"{NO_MODEL_FOUND} Fetch the starter model, start Ollama, set the address of another server, or add a .gguf file."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Who serves a role, and what the user should know about that."""

    ref: ModelRef | None
    detail: str = ""
    offered: tuple[ModelRef, ...] = ()
    demo: bool = False
    provisional: bool = False
    """True where another model stands in, for a default that is not installed or a server that cannot be reached."""


def parse_setting(role: Role, value: str) -> Choice:
    """The choice that the settings make: `backend/model`."""
    try:
        ref = ModelRef.parse(value)
    except ValueError:
        backends = ", ".join(name.value for name in BackendName)
        return Choice(
            None,
            f"The setting `{role.value}` is {value!r}. It takes `auto`, or `backend/model` as in ollama/qwen2.5:7b; "
            f"backends are {backends}.",
        )
    return chosen(ref)


def chosen(ref: ModelRef) -> Choice:
    """A choice that somebody made."""
    ref = _whole_name(ref)
    return Choice(ref, demo=is_demo(ref))


def is_default(role: Role, ref: ModelRef) -> bool:
    """Whether a model is the default of a role."""
    return _whole_name(ref) == ModelRef(BackendName.OLLAMA, DEFAULT_MODELS[role])


def has_model(report: BackendReport, ref: ModelRef) -> bool:
    """Whether a backend has a model. One that is there and lists nothing is believed to."""
    return not report.models or _whole_name(ref) in [_whole_name(info.ref) for info in report.models]


def is_demo(ref: ModelRef) -> bool:
    """Whether a model only shows how things work."""
    return ref.backend is BackendName.SCRIPTED or is_starter(ref)


def choose(role: Role, reports: Iterable[BackendReport]) -> Choice:
    """Choose among what is there.

    Of the first backend that has a chat model: on Ollama the default of the role, else one that stands in for it; on
    the others the smallest for ux and the largest for task, the starter last. A model that sends text away from this
    machine is offered and never chosen.

    Args:
        role: who is to be served.
        reports: of the backends that may be chosen, in the order in which they are preferred.
    """
    reports = tuple(reports)
    offered = tuple(info.ref for report in reports for info in chat_models(report))
    missed = ""
    for report in reports:
        here = [info for info in chat_models(report) if not info.remote]
        if report.name is BackendName.OLLAMA and here:
            return _of_ollama(role, here, offered)
        if here:
            own = [info for info in here if not is_demo(info.ref)] or here
            ref = _fitting(role, own).ref
            if missed:
                return replace(chosen(ref), detail=f"{missed} {ref.model} serves until then.", provisional=True)
            return chosen(ref)
        missed = missed or _missed(report)
    return Choice(None, missed or NOTHING_FOUND, offered)


def _missed(report: BackendReport) -> str:
    """Why a server that somebody named does not serve; empty for one that may just not be there, and for others."""
    if report.available or report.name not in SERVERS or report.address == OLLAMA_HERE:
        return ""
    return report.detail


def about_stand_ins(choices: Iterable[Choice]) -> str:
    """What to say of models that stand in for defaults, and of the others that are there; empty where none does."""
    standing = [choice for choice in choices if choice.provisional]
    if not standing:
        return ""
    refs = dict.fromkeys(ref for choice in standing for ref in (choice.ref, *choice.offered) if ref)
    names = [ref.model for ref in refs]
    details = " ".join(dict.fromkeys(choice.detail for choice in standing))
    if len(names) == 1:
        return details
    more = f" and {len(names) - MODELS_NAMED_MAX} more" if len(names) > MODELS_NAMED_MAX else ""
    named = ", ".join(names[:MODELS_NAMED_MAX])
    return f"{details} Installed are {named}{more}: choose with /model or `tale-tui models use`."


def about_other_model(asked: ModelRef, runs: str) -> str:
    """What to say of a server that answers with the one model that it runs, whatever it is asked for."""
    return f"You asked {asked.backend.value} for {asked.model}, but it runs {runs} and answers with that."


def chat_models(report: BackendReport) -> tuple[ModelInfo, ...]:
    """The models of a backend that can hold a conversation."""
    return tuple(info for info in report.models if "chat" in info.capabilities) if report.available else ()


def _of_ollama(role: Role, here: list[ModelInfo], offered: tuple[ModelRef, ...]) -> Choice:
    default = DEFAULT_MODELS[role]
    for info in here:
        if is_default(role, info.ref):
            return chosen(info.ref)
    ref = _fitting(role, here).ref
    others = tuple(other for other in offered if other != ref)
    return Choice(ref, f"{default} is not installed; {ref.model} serves until you choose.", others, provisional=True)


def _fitting(role: Role, models: list[ModelInfo]) -> ModelInfo:
    """The smallest for ux, the largest for task; one of unknown size only where there is no other."""
    known = [info for info in models if info.size_bytes is not None] or models
    by_size = sorted(known, key=lambda info: (info.size_bytes or 0, info.ref.model))
    return by_size[0] if role is Role.UX else by_size[-1]


def _whole_name(ref: ModelRef) -> ModelRef:
    """The name as its backend lists it: without a tag Ollama means `latest`, and the starter has a short name."""
    if ref == ModelRef(BackendName.EMBEDDED, STARTER_ALIAS):
        return ModelRef(ref.backend, STARTER_NAME)
    if ref.backend is not BackendName.OLLAMA or ":" in ref.model.rpartition("/")[2]:
        return ref
    return ModelRef(ref.backend, f"{ref.model}:latest")
