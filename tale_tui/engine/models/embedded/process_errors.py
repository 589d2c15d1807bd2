"""What goes wrong with a model's process, turned into the error tree; llama.cpp's own words stay in the log."""

from __future__ import annotations

import logging
import re
import signal
from dataclasses import dataclass

from tale_tui.domain.constants import CHILD_LOG_LINES
from tale_tui.domain.errors import (
    BackendCrashed,
    ContextFull,
    ModelDamaged,
    ModelError,
    NotAvailable,
    OutOfMemory,
    Refused,
)
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.embedded.protocol import AnswerFailed, LoadFailed
from tale_tui.engine.models.machine import NO_BUILD, NO_OPENMP, OLD_PROCESSOR

log = logging.getLogger(__name__)

OTHER_MODEL = "Fetch the file again, or choose another model."


@dataclass(frozen=True, slots=True)
class _Cause:
    """What llama.cpp writes before it gives up, and what that means."""

    said: re.Pattern[str]
    error: type[ModelError]
    sentence: str


# The first that fits is told: a model that does not fit also fails to load.
_CAUSES = (
    _Cause(
        re.compile(r"insufficient memory|cannot allocate memory|failed to allocate|bad_alloc|out of memory"),
        OutOfMemory,
        "{model} does not fit into memory with a context window of {window:,} tokens. Set a smaller window, close "
        "other programs, or take a smaller model.",
    ),
    _Cause(
        re.compile(r"unknown model architecture|unknown pre-tokenizer|this software only supports up to version"),
        NotAvailable,
        "{model} is of a kind that this version of the embedded engine does not know. Update tale-tui, or choose "
        "another model.",
    ),
    _Cause(
        re.compile(
            r"not within the file bounds|failed to read|corrupted|incomplete|unexpected end|tensor .* (is )?missing"
        ),
        ModelDamaged,
        "The file of {model} is cut off or damaged. " + OTHER_MODEL,
    ),
    _Cause(re.compile(r"invalid magic"), ModelDamaged, "The file of {model} is not a GGUF file. " + OTHER_MODEL),
    _Cause(
        re.compile(r"chat template|jinja"),
        Refused,
        "{model} has a chat template that does not work. Choose another model.",
    ),
)


def load_failure(
    model: str, window: int, refusal: LoadFailed | None, exit_code: int | None, stderr_tail: str
) -> ModelError:
    """Why a model could not be loaded.

    Args:
        model: its name.
        window: the context window that was asked for, in tokens.
        refusal: what the process said; None where it ended without a word.
        exit_code: of the process, as `subprocess` has it.
        stderr_tail: the end of llama.cpp's log.
    """
    shown = clean_line(model)
    _log(shown, exit_code, f"{stderr_tail}\n{refusal.text if refusal else ''}")
    if refusal is not None and refusal.importing:
        return _import_failure(refusal.text)
    said = stderr_tail.lower()
    for cause in _CAUSES:
        if cause.said.search(said):
            return cause.error(cause.sentence.format(model=shown, window=window))
    if exit_code == -signal.SIGILL:
        return NotAvailable(OLD_PROCESSOR)
    if exit_code == -signal.SIGKILL:
        return BackendCrashed(
            f"The process of {shown} was ended from outside while it loaded, most likely because memory ran out. Close "
            "other programs, or take a smaller model."
        )
    if exit_code is not None and exit_code < 0:
        return ModelDamaged(
            f"The embedded engine broke down over the file of {shown} ({_signal(exit_code)}): it is damaged, or of a "
            f"kind that is not known here. {OTHER_MODEL}"
        )
    return Refused(f"The embedded engine cannot load {shown}; what it said is in the log. {OTHER_MODEL}")


def _import_failure(text: str) -> ModelError:
    if text.rstrip().endswith("failed to map segment from shared object"):  # a folder that forbids it says so behind
        return OutOfMemory(
            "The embedded engine itself does not fit into the memory that its process may have. Raise "
            "embedded.memory_limit_gb in the settings; 0 takes the limit away."
        )
    if "gomp" in text:
        return NotAvailable(NO_OPENMP)
    if "No module named" in text:
        return NotAvailable(NO_BUILD)
    return NotAvailable(
        f"The embedded engine cannot be started: {clean_line(text)}. Install tale-tui again, or use Ollama."
    )


def crash(model: str, exit_code: int | None, stderr_tail: str) -> ModelError:
    """The process of a model ended while it was needed."""
    shown = clean_line(model)
    _log(shown, exit_code, stderr_tail)
    if exit_code == -signal.SIGILL:
        return NotAvailable(OLD_PROCESSOR)
    why = "ended"
    if exit_code == -signal.SIGKILL:
        why = f"was ended from outside ({_signal(exit_code)}), perhaps because memory ran out"
    elif exit_code == -signal.SIGBUS:
        why = f"ended because its file was changed while it was in use ({_signal(exit_code)})"
    elif exit_code is not None and exit_code < 0:
        why = f"broke down ({_signal(exit_code)})"
    return BackendCrashed(f"The process of {shown} {why}. What came is kept. It starts again with the next message.")


def refusal(model: str, failed: AnswerFailed) -> ModelError:
    """llama.cpp did not take a conversation, or could not go on with it."""
    shown = clean_line(model)
    log.warning("%s: %s: %s", shown, clean_line(failed.kind), clean_line(failed.text))
    if failed.prompt_tokens is not None and failed.window is not None:
        return ContextFull(
            f"The conversation is {failed.prompt_tokens:,} tokens long, and the context window of {shown} holds "
            f"{failed.window:,}. Send less, begin a new conversation, or set a larger window."
        )
    return Refused(f"{shown} could not answer this; what it said is in the log. Try again, or choose another model.")


def _signal(exit_code: int) -> str:
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"


def _log(model: str, exit_code: int | None, words: str) -> None:
    log.warning("the process of %s ended with %s", model, exit_code)
    for line in words.splitlines()[-CHILD_LOG_LINES:]:
        log.warning("%s: %s", model, clean_line(line))
