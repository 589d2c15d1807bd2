"""The process that runs a model: `python -m tale_tui.engine.models.embedded.child`, spoken to over its pipes.

llama.cpp aborts on damaged files, holds Python's lock while it loads and writes where it likes, so it is fenced off
here: its output goes to the log that the parent made standard error, its memory is limited, it dies before anything
else when memory runs out, and the process ends when the parent does (standard input closes).
"""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

from tale_tui.config.process_title import set_process_title
from tale_tui.engine.child_process import lower_priority
from tale_tui.engine.models.embedded.llama import LlamaAnswer, LlamaModel
from tale_tui.engine.models.embedded.protocol import (
    AnswerCancelled,
    AnswerChat,
    CancelAnswer,
    CountTokens,
    LoadFailed,
    LoadModel,
    LoadSucceeded,
    Reply,
    TokensCounted,
    decode,
    encode,
)

DIE_FIRST = 500
"""The kernel's out-of-memory score is raised by this, out of 1000: the model goes before the user's other programs."""
SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of linux/prctl.h."""


def main() -> int:
    """Load one model and answer until the parent closes standard input. Returns an exit code where loading failed."""
    replies = _Replies(_fence_output())
    line = sys.stdin.buffer.readline()
    load = decode(line) if line else None
    if not isinstance(load, LoadModel):
        return 1
    _fence_process(load.memory_bytes)
    lower_priority(load.niceness)
    if load.title:
        set_process_title(load.title)
    _die_with_parent(signal.SIGKILL)  # while a model loads, Python's lock is held and nobody reads standard input
    try:
        model = LlamaModel(load)
    except ImportError as error:
        replies.send(LoadFailed(importing=True, text=str(error)))
        return 1
    except (RuntimeError, ValueError, MemoryError) as error:
        replies.send(LoadFailed(importing=False, text=str(error)))
        return 1  # an ordinary end: llama.cpp writes its log in the background and must get to finish that
    _die_with_parent(0)
    replies.send(LoadSucceeded(model.window(), model.version))
    _serve(model, replies)
    os._exit(0)  # an ordinary end would become an abort where a thread still generates


def _fence_output() -> int:
    """Keep the pipe to the parent to ourselves; what anybody prints goes where errors go. Returns the pipe's number."""
    pipe = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return pipe


def _fence_process(memory_bytes: int) -> None:
    """Limit the address space, leave no core dumps, and be the first to go when memory runs out."""
    with suppress(OSError):  # only Linux has it
        Path("/proc/self/oom_score_adj").write_text(str(DIE_FIRST), "ascii")
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory_bytes and sys.platform == "linux":
            limit = _address_space() + memory_bytes
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _address_space() -> int:
    """What this process has mapped now, in bytes."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _die_with_parent(number: int) -> None:
    """Have the kernel send this signal when the parent ends; 0 sends none."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, int(number))


class _Replies:
    """The pipe to the parent; lines of several threads do not mix."""

    def __init__(self, descriptor: int) -> None:
        self._pipe: IO[bytes] = os.fdopen(descriptor, "wb")
        self._lock = threading.Lock()

    def send(self, reply: Reply) -> None:
        """Send a line; a parent that is gone ends this process."""
        try:
            with self._lock:
                self._pipe.write(encode(reply))
                self._pipe.flush()
        except BrokenPipeError:
            os._exit(0)


class _Work:
    """The conversations that wait for an answer, and up to which of them nobody wants one any more."""

    def __init__(self, model: LlamaModel, replies: _Replies) -> None:
        self._model = model
        self._replies = replies
        self._waiting: queue.SimpleQueue[AnswerChat] = queue.SimpleQueue()
        self._stopped_up_to = -1

    def add(self, chat: AnswerChat) -> None:
        """Answer this one after those before it."""
        self._waiting.put(chat)

    def stop(self, number: int) -> None:
        """Nobody wants the answer `number`. The parent asks one at a time, so none before it either."""
        self._stopped_up_to = max(self._stopped_up_to, number)

    def run(self) -> None:
        """Answer, one after the other, for ever."""
        while True:
            chat = self._waiting.get()
            self._replies.send(self._answer(chat))

    def _answer(self, chat: AnswerChat) -> Reply:
        def stopped() -> bool:
            return chat.id <= self._stopped_up_to

        if stopped():
            return AnswerCancelled(chat.id)
        return self._model.answer(chat, LlamaAnswer(chat.id, self._replies.send, stopped))


def _give_up(fault: threading.ExceptHookArgs) -> None:
    """Nobody would answer any more: tell the log and end, so that the parent sees it and starts another."""
    sys.__excepthook__(fault.exc_type, fault.exc_value or fault.exc_type(), fault.exc_traceback)
    os._exit(1)


def _serve(model: LlamaModel, replies: _Replies) -> None:
    """Read requests until there are no more. Answers are made in a thread, so that a stop is heard meanwhile."""
    threading.excepthook = _give_up
    work = _Work(model, replies)
    threading.Thread(target=work.run, daemon=True).start()
    for line in sys.stdin.buffer:
        match decode(line):
            case AnswerChat() as chat:
                work.add(chat)
            case CancelAnswer(number):
                work.stop(number)
            case CountTokens(number, messages):
                replies.send(TokensCounted(number, model.count(messages)))
            case _:
                return


if __name__ == "__main__":
    sys.exit(main())
