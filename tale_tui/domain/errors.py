"""Every error that the engine raises, each with a title and a sentence for the user.

    TaleError
    ├── ModelError                a model or its server did not do what was asked
    │   ├── Unreachable           nothing answers at the address, or only that it is not ready yet
    │   ├── ModelNotFound         the server does not have the model
    │   ├── OutOfMemory           the model does not fit
    │   ├── BackendCrashed        the process that runs the model ended
    │   ├── ContextFull           the prompt is longer than the window
    │   ├── NotAuthorised         the server wants a key, or another one
    │   ├── NotTrusted            the certificate of the server is not trusted here
    │   ├── ServerBusy            the server's queue is full
    │   ├── TimedOut              connect, first token or the next piece took too long
    │   ├── BrokenStream          the stream ended before its end
    │   ├── Refused               the server refused the request for another reason
    │   ├── CannotContinue        the server can only begin a reply, not go on with one
    │   ├── ModelDamaged          the model's file is cut off, altered or no model
    │   └── NotAvailable          the backend cannot run on this machine
    ├── NoModel                   a role has no model: nothing was found, or what served it is away
    ├── StoreError                the database did not do what was asked
    │   ├── DatabaseNewer         written by a newer version
    │   ├── DiskFull
    │   ├── FolderNotMade
    │   ├── ReadOnly              the folder or the database cannot be written
    │   ├── DatabaseBusy          another process holds it for too long
    │   └── Fenced                a run of a task that is not its run any more; stays inside the engine
    ├── BadInput                  what was asked cannot be done; nothing was changed
    │   ├── EmptyMessage
    │   ├── MessageTooLong        longer than the window, with the numbers
    │   ├── NoSuchSession         unknown or ambiguous id
    │   ├── NoSuchMessage
    │   ├── TurnRunning           the session answers already; a second message waits in the queue
    │   ├── BadImport             not an export of ours
    │   ├── NoSuchTask            unknown id of a task
    │   ├── AmbiguousTask         the beginning of the ids of several tasks
    │   ├── WrongState            the task is in a state that does not allow it
    │   ├── CannotUndo            nothing is left to be undone or done again, or it is too long ago
    │   ├── NoSuchCheckpoint      unknown or ambiguous hash of a checkpoint
    │   ├── BadBundle             not a bundle of checkpoints
    │   ├── TaskTooLong           more text than the settings allow
    │   ├── BadPlan               a plan that cannot be run
    │   ├── BadPriority           an unknown priority
    │   ├── BadTimeLimit          a time limit that is none
    │   ├── TooManyTasks          handed in faster than the settings allow
    │   ├── BadRange              a time that is none, or a range that ends before it begins
    │   ├── UnknownModel          a model that nobody ever called
    │   ├── BadFileName           no name for a file in the chosen folder
    │   ├── FolderIsLink          a link stands in the place of the folder of a task
    │   └── FileThere             a file of that name is there already
    ├── LearnedUnusable           what was learned is damaged or of another version; what comes with the program serves
    ├── StepTimedOut              a step or a task took longer than its limit
    ├── CheckpointFailed          what was to be kept was not; the sentence says why
    │   └── CheckpointDamaged     what was kept cannot be read any more
    ├── FilesNotGiven             a step did not write the files that it declares
    ├── FileNotSaved              the system did not allow a file to be written
    ├── NotCopied                 files of a task were not copied out; the sentence says why, and what was
    ├── FetchFailed               a download did not work; the sentence says which way is left
    └── EngineLost                the process that was the engine ended in the middle of the call
        └── EngineMismatch        the engine that runs is of another version

A cancelled turn is not an error: `asyncio.CancelledError` travels as it does everywhere.
"""

from __future__ import annotations

from typing import ClassVar


class TaleError(Exception):
    """The root: `code` for programs, `title` and `sentence` for people.

    Args:
        sentence: what happened and what to do, in plain words; safe text only.
    """

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence

    @property
    def whole(self) -> str:
        """Title and sentence, where there is no room of its own for a title."""
        gap = "\n" if "\n" in self.sentence else " "
        return f"{self.title}:{gap}{self.sentence}"


class ModelError(TaleError):
    """A model or its server did not do what was asked."""

    code = "model"
    title = "The model did not answer"
    retry_helps: ClassVar[bool] = True
    """Whether the same request may succeed later without anybody changing anything."""
    away_since: float | None = None
    """Since when its server is away, in seconds since the epoch, where that was found to be the reason."""


class Unreachable(ModelError):
    """Nothing answers at the address, or only that it is not ready yet."""

    code = "unreachable"
    title = "The server does not answer"


class ModelNotFound(ModelError):
    """The server does not have the model."""

    code = "not_found"
    title = "The model is not there"
    retry_helps = False


class OutOfMemory(ModelError):
    """The model does not fit into memory."""

    code = "out_of_memory"
    title = "Not enough memory"
    retry_helps = False


class BackendCrashed(ModelError):
    """The process that runs the model ended."""

    code = "crashed"
    title = "The model's process ended"


class ContextFull(ModelError):
    """The prompt is longer than the context window."""

    code = "context_full"
    title = "The context window is full"
    retry_helps = False


class NotAuthorised(ModelError):
    """The server wants a key, or another one."""

    code = "not_authorised"
    title = "The server wants a key"
    retry_helps = False


class NotTrusted(ModelError):
    """The certificate of the server is not trusted on this machine."""

    code = "not_trusted"
    title = "The server is not trusted"
    retry_helps = False


class ServerBusy(ModelError):
    """The server's queue is full."""

    code = "busy"
    title = "The server is busy"


class TimedOut(ModelError):
    """Connecting, the first token or the next piece took too long."""

    code = "timed_out"
    title = "It took too long"


class BrokenStream(ModelError):
    """The stream ended before its end."""

    code = "broken_stream"
    title = "The answer broke off"


class Refused(ModelError):
    """The server refused the request for another reason."""

    code = "refused"
    title = "The server refused"
    retry_helps = False


class CannotContinue(ModelError):
    """The server can only begin a reply, not go on with one that broke off."""

    code = "cannot_continue"
    title = "The reply cannot be gone on with"
    retry_helps = False


class ModelDamaged(ModelError):
    """The model's file is cut off, altered or no model at all."""

    code = "damaged"
    title = "The model file is damaged"
    retry_helps = False


class NotAvailable(ModelError):
    """The backend cannot run on this machine."""

    code = "not_available"
    title = "Not available here"
    retry_helps = False


class NoModel(TaleError):
    """A role has no model: nothing was found, or what served it is away."""

    code = "no_model"
    title = "No model"


class StoreError(TaleError):
    """The database did not do what was asked."""

    code = "store"
    title = "The database did not answer"


class DatabaseNewer(StoreError):
    """The database was written by a newer version."""

    code = "database_newer"
    title = "The database is newer than this version"


class DiskFull(StoreError):
    """There is no space left."""

    code = "disk_full"
    title = "The disk is full"


class ReadOnly(StoreError):
    """The folder or the database cannot be written."""

    code = "read_only"
    title = "Nothing can be written here"


class FolderNotMade(StoreError):
    """A folder that everything lies in is not there and cannot be made."""

    code = "folder_not_made"
    title = "A folder cannot be made"


class DatabaseBusy(StoreError):
    """Another process holds the database for too long."""

    code = "database_busy"
    title = "The database is held by another process"


class Fenced(StoreError):
    """A run wanted to change a task that is not its own any more; nothing was changed. It stays inside the engine."""

    code = "fenced"
    title = "The task was taken out of its hands"


class BadInput(TaleError):
    """What was asked cannot be done; nothing was changed."""

    code = "bad_input"
    title = "That cannot be done"

    @property
    def whole(self) -> str:
        """The sentence, which names the value itself."""
        return self.sentence


class EmptyMessage(BadInput):
    """Nothing is left of the message."""

    code = "empty_message"
    title = "There is nothing to send"


class MessageTooLong(BadInput):
    """The message alone is longer than the context window."""

    code = "message_too_long"
    title = "The message is too long"


class NoSuchSession(BadInput):
    """Unknown or ambiguous id of a session."""

    code = "no_such_session"
    title = "No such session"


class NoSuchMessage(BadInput):
    """Unknown id of a message, or one that does not allow what was asked."""

    code = "no_such_message"
    title = "No such message"


class TurnRunning(BadInput):
    """A reply of this session is streaming; a new message can be enqueued."""

    code = "turn_running"
    title = "A reply is still coming"


class BadImport(BadInput):
    """The text is not an export of ours."""

    code = "bad_import"
    title = "This cannot be imported"


class NoSuchItem(BadInput):
    """Unknown id of something remembered."""

    code = "no_such_item"
    title = "Nothing remembered has this id"


class HasSecret(BadInput):
    """There is a key, a token or a password in what was to be remembered."""

    code = "has_secret"
    title = "Not remembered"


class NoSuchTask(BadInput):
    """Unknown id of a task."""

    code = "no_such_task"
    title = "No such task"


class NoSuchAlert(BadInput):
    """Unknown id of an alert."""

    code = "no_such_alert"
    title = "No such alert"


class CannotUndo(BadInput):
    """Nothing is left to be undone or done again, or it is too long ago."""

    code = "cannot_undo"
    title = "That cannot be undone"


class NoSuchCheckpoint(BadInput):
    """Unknown or ambiguous hash of a checkpoint, or something that is not in it."""

    code = "no_such_checkpoint"
    title = "No such checkpoint"


class BadBundle(BadInput):
    """Not a bundle of checkpoints, or a damaged one."""

    code = "bad_bundle"
    title = "That is no bundle of checkpoints"


class AmbiguousTask(BadInput):
    """The beginning of the ids of several tasks; the sentence names them."""

    code = "ambiguous_task"
    title = "Several tasks begin like that"


class WrongState(BadInput):
    """The task is in a state that does not allow what was asked; the sentence names the state."""

    code = "wrong_state"
    title = "The task is not in that state"


class TaskTooLong(BadInput):
    """More text than the settings allow."""

    code = "task_too_long"
    title = "The task is too long"


class BadPlan(BadInput):
    """A plan that cannot be run; the sentence names the place."""

    code = "bad_plan"
    title = "This plan cannot be run"


class BadPriority(BadInput):
    """An unknown priority."""

    code = "bad_priority"
    title = "Unknown priority"


class BadTimeLimit(BadInput):
    """A time limit that is none."""

    code = "bad_time_limit"
    title = "That is no time limit"


class TooManyTasks(BadInput):
    """Handed in faster than the settings allow; the sentence says how long to wait."""

    code = "too_many_tasks"
    title = "Too many tasks at once"


class BadRange(BadInput):
    """A time that is none, or a range that ends before it begins."""

    code = "bad_range"
    title = "That is no range of time"


class UnknownModel(BadInput):
    """A model that nobody ever called; the sentence names those that were."""

    code = "unknown_model"
    title = "No such model"


class BadFileName(BadInput):
    """No name for a file in the chosen folder; the sentence says why."""

    code = "bad_file_name"
    title = "Not a name for a file"


class FolderIsLink(BadInput):
    """A link stands in the place of the folder of a task; nothing is read or written there."""

    code = "folder_is_link"
    title = "A link is in the way"


class FileThere(BadInput):
    """A file of that name is there already, and nobody said that it may be replaced."""

    code = "file_there"
    title = "The file is there already"


class LearnedUnusable(TaleError):
    """What was learned on this machine is damaged or of another version; what comes with the program serves."""

    code = "learned_unusable"
    title = "What was learned cannot be used"


class StepTimedOut(TaleError):
    """A step or a task took longer than its limit."""

    code = "step_timed_out"
    title = "It took longer than its limit"


class BudgetSpent(TaleError):
    """A task would spend more tokens than the settings allow."""

    code = "budget_spent"
    title = "The budget is spent"


class CheckpointFailed(TaleError):
    """What was to be kept was not; the sentence says why. Nothing else was changed."""

    code = "checkpoint_failed"
    title = "The checkpoint was not made"


class CheckpointDamaged(CheckpointFailed):
    """What was kept cannot be read any more."""

    code = "checkpoint_damaged"
    title = "A checkpoint is damaged"


class FilesNotGiven(TaleError):
    """A step did not write the files that it declares, or not in the form that is asked for."""

    code = "files_not_given"
    title = "Files are missing"


class FileNotSaved(TaleError):
    """The system did not allow a file to be written; the sentence says why."""

    code = "file_not_saved"
    title = "The file was not saved"


class NotCopied(TaleError):
    """Files of a task were not copied to a folder outside; the sentence says why, and what was copied before."""

    code = "not_copied"
    title = "The files were not copied"


class FetchFailed(TaleError):
    """A download did not work."""

    code = "fetch_failed"
    title = "The download did not work"


class EngineLost(TaleError):
    """The process that was the engine ended in the middle of the call."""

    code = "engine_lost"
    title = "The engine moved"


class EngineMismatch(EngineLost):
    """The engine that runs is of another version."""

    code = "engine_mismatch"
    title = "Another version is running"


def _all_classes(root: type[TaleError]) -> dict[str, type[TaleError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= _all_classes(child)
    return found


def rebuild(code: str, sentence: str) -> TaleError:
    """The error that another process raised, from its code and sentence; `TaleError` for an unknown code."""
    return _all_classes(TaleError).get(code, TaleError)(sentence)
