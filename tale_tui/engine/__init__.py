"""The engine: everything that works without a screen. The names here are all that is for outside.

Each is imported when it is first asked for (PEP 562): whoever needs one error does not load a database.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tale_tui.engine.constants import DEFAULT_TASK_MODEL as DEFAULT_TASK_MODEL
    from tale_tui.engine.constants import DEFAULT_UX_MODEL as DEFAULT_UX_MODEL
    from tale_tui.engine.constants import TIME_LIMIT_MAX_S as TIME_LIMIT_MAX_S
    from tale_tui.engine.detect import CHAT_TO as CHAT_TO
    from tale_tui.engine.detect import LEARNED_FILE as LEARNED_FILE
    from tale_tui.engine.detect import TASK_FROM as TASK_FROM
    from tale_tui.engine.detect import Detector as Detector
    from tale_tui.engine.detect import DetectState as DetectState
    from tale_tui.engine.detect import Judgement as Judgement
    from tale_tui.engine.detect import judge as judge
    from tale_tui.engine.engine import Engine as Engine
    from tale_tui.engine.errors import AmbiguousTask as AmbiguousTask
    from tale_tui.engine.errors import BackendCrashed as BackendCrashed
    from tale_tui.engine.errors import BadFileName as BadFileName
    from tale_tui.engine.errors import BadImport as BadImport
    from tale_tui.engine.errors import BadInput as BadInput
    from tale_tui.engine.errors import BadPlan as BadPlan
    from tale_tui.engine.errors import BadPriority as BadPriority
    from tale_tui.engine.errors import BadTimeLimit as BadTimeLimit
    from tale_tui.engine.errors import BrokenStream as BrokenStream
    from tale_tui.engine.errors import ContextFull as ContextFull
    from tale_tui.engine.errors import DatabaseBusy as DatabaseBusy
    from tale_tui.engine.errors import DatabaseNewer as DatabaseNewer
    from tale_tui.engine.errors import DiskFull as DiskFull
    from tale_tui.engine.errors import EmptyMessage as EmptyMessage
    from tale_tui.engine.errors import EngineLost as EngineLost
    from tale_tui.engine.errors import EngineMismatch as EngineMismatch
    from tale_tui.engine.errors import Fenced as Fenced
    from tale_tui.engine.errors import FetchFailed as FetchFailed
    from tale_tui.engine.errors import FileNotSaved as FileNotSaved
    from tale_tui.engine.errors import FileThere as FileThere
    from tale_tui.engine.errors import MessageTooLong as MessageTooLong
    from tale_tui.engine.errors import ModelDamaged as ModelDamaged
    from tale_tui.engine.errors import ModelError as ModelError
    from tale_tui.engine.errors import ModelNotFound as ModelNotFound
    from tale_tui.engine.errors import NoModel as NoModel
    from tale_tui.engine.errors import NoSuchMessage as NoSuchMessage
    from tale_tui.engine.errors import NoSuchSession as NoSuchSession
    from tale_tui.engine.errors import NoSuchTask as NoSuchTask
    from tale_tui.engine.errors import NotAuthorised as NotAuthorised
    from tale_tui.engine.errors import NotAvailable as NotAvailable
    from tale_tui.engine.errors import OutOfMemory as OutOfMemory
    from tale_tui.engine.errors import ReadOnly as ReadOnly
    from tale_tui.engine.errors import Refused as Refused
    from tale_tui.engine.errors import ServerBusy as ServerBusy
    from tale_tui.engine.errors import StepTimedOut as StepTimedOut
    from tale_tui.engine.errors import StoreError as StoreError
    from tale_tui.engine.errors import TaleError as TaleError
    from tale_tui.engine.errors import TaskTooLong as TaskTooLong
    from tale_tui.engine.errors import TimedOut as TimedOut
    from tale_tui.engine.errors import TooManyTasks as TooManyTasks
    from tale_tui.engine.errors import TurnRunning as TurnRunning
    from tale_tui.engine.errors import Unreachable as Unreachable
    from tale_tui.engine.errors import WrongState as WrongState
    from tale_tui.engine.errors import rebuild as rebuild
    from tale_tui.engine.events import EngineMoved as EngineMoved
    from tale_tui.engine.events import Fact as Fact
    from tale_tui.engine.events import ModelLoading as ModelLoading
    from tale_tui.engine.events import Notice as Notice
    from tale_tui.engine.events import PromptProgress as PromptProgress
    from tale_tui.engine.events import RoleChanged as RoleChanged
    from tale_tui.engine.events import Routed as Routed
    from tale_tui.engine.events import SessionChanged as SessionChanged
    from tale_tui.engine.events import StepDelta as StepDelta
    from tale_tui.engine.events import StepReading as StepReading
    from tale_tui.engine.events import TaskChanged as TaskChanged
    from tale_tui.engine.events import TaskEvent as TaskEvent
    from tale_tui.engine.events import TasksChanged as TasksChanged
    from tale_tui.engine.events import TaskSeen as TaskSeen
    from tale_tui.engine.events import TaskStarted as TaskStarted
    from tale_tui.engine.events import TextDelta as TextDelta
    from tale_tui.engine.events import ThinkingDelta as ThinkingDelta
    from tale_tui.engine.events import TurnCancelled as TurnCancelled
    from tale_tui.engine.events import TurnDone as TurnDone
    from tale_tui.engine.events import TurnEvent as TurnEvent
    from tale_tui.engine.events import TurnFailed as TurnFailed
    from tale_tui.engine.events import TurnStarted as TurnStarted
    from tale_tui.engine.figures import chance as chance
    from tale_tui.engine.link import find_engine as find_engine
    from tale_tui.engine.link import open_face as open_face
    from tale_tui.engine.model_verbs import STARTER as STARTER
    from tale_tui.engine.results import ResultFile as ResultFile
    from tale_tui.engine.results import check_name as check_name
    from tale_tui.engine.results import file_place as file_place
    from tale_tui.engine.results import result_files as result_files
    from tale_tui.engine.results import save_file as save_file
    from tale_tui.engine.results import suggested_name as suggested_name
    from tale_tui.engine.store.read_only import peek_tasks as peek_tasks
    from tale_tui.engine.task_types import ENDED as ENDED
    from tale_tui.engine.task_types import OPEN as OPEN
    from tale_tui.engine.task_types import BackendHealth as BackendHealth
    from tale_tui.engine.task_types import DetectBand as DetectBand
    from tale_tui.engine.task_types import DetectLabel as DetectLabel
    from tale_tui.engine.task_types import EngineStatus as EngineStatus
    from tale_tui.engine.task_types import Judged as Judged
    from tale_tui.engine.task_types import Plan as Plan
    from tale_tui.engine.task_types import Priority as Priority
    from tale_tui.engine.task_types import Reason as Reason
    from tale_tui.engine.task_types import Residency as Residency
    from tale_tui.engine.task_types import ResidentModel as ResidentModel
    from tale_tui.engine.task_types import Step as Step
    from tale_tui.engine.task_types import StepKind as StepKind
    from tale_tui.engine.task_types import StepSpec as StepSpec
    from tale_tui.engine.task_types import StepState as StepState
    from tale_tui.engine.task_types import Task as Task
    from tale_tui.engine.task_types import TaskCounts as TaskCounts
    from tale_tui.engine.task_types import TaskDetail as TaskDetail
    from tale_tui.engine.task_types import TaskEntry as TaskEntry
    from tale_tui.engine.task_types import TaskState as TaskState
    from tale_tui.engine.text import LINE_LIMIT as LINE_LIMIT
    from tale_tui.engine.text import clean as clean
    from tale_tui.engine.text import clean_line as clean_line
    from tale_tui.engine.text import reveal as reveal
    from tale_tui.engine.types import Author as Author
    from tale_tui.engine.types import BackendName as BackendName
    from tale_tui.engine.types import BackendReport as BackendReport
    from tale_tui.engine.types import ExportFormat as ExportFormat
    from tale_tui.engine.types import Finding as Finding
    from tale_tui.engine.types import FindingState as FindingState
    from tale_tui.engine.types import FinishReason as FinishReason
    from tale_tui.engine.types import LoadedModel as LoadedModel
    from tale_tui.engine.types import Message as Message
    from tale_tui.engine.types import MessageState as MessageState
    from tale_tui.engine.types import ModelInfo as ModelInfo
    from tale_tui.engine.types import ModelRef as ModelRef
    from tale_tui.engine.types import Progress as Progress
    from tale_tui.engine.types import QueuedMessage as QueuedMessage
    from tale_tui.engine.types import Role as Role
    from tale_tui.engine.types import RoleState as RoleState
    from tale_tui.engine.types import RoleStatus as RoleStatus
    from tale_tui.engine.types import SearchHit as SearchHit
    from tale_tui.engine.types import Session as Session
    from tale_tui.engine.types import Transcript as Transcript
    from tale_tui.engine.types import Usage as Usage
    from tale_tui.engine.types import View as View
    from tale_tui.engine.types import WindowUse as WindowUse
    from tale_tui.engine.verbs import Verbs as Verbs
    from tale_tui.engine.world import ID_LENGTH as ID_LENGTH
    from tale_tui.engine.world import ID_SHOWN as ID_SHOWN
    from tale_tui.engine.world import World as World
    from tale_tui.engine.world import random_id as random_id

_NAMES = {
    "constants": (
        "DEFAULT_TASK_MODEL",
        "DEFAULT_UX_MODEL",
        "TIME_LIMIT_MAX_S",
    ),
    "detect": (
        "CHAT_TO",
        "LEARNED_FILE",
        "TASK_FROM",
        "DetectState",
        "Detector",
        "Judgement",
        "judge",
    ),
    "engine": ("Engine",),
    "errors": (
        "AmbiguousTask",
        "BackendCrashed",
        "BadFileName",
        "BadImport",
        "BadInput",
        "BadPlan",
        "BadPriority",
        "BadTimeLimit",
        "BrokenStream",
        "ContextFull",
        "DatabaseBusy",
        "DatabaseNewer",
        "DiskFull",
        "EmptyMessage",
        "EngineLost",
        "EngineMismatch",
        "Fenced",
        "FetchFailed",
        "FileNotSaved",
        "FileThere",
        "MessageTooLong",
        "ModelDamaged",
        "ModelError",
        "ModelNotFound",
        "NoModel",
        "NoSuchMessage",
        "NoSuchSession",
        "NoSuchTask",
        "NotAuthorised",
        "NotAvailable",
        "OutOfMemory",
        "ReadOnly",
        "Refused",
        "ServerBusy",
        "StepTimedOut",
        "StoreError",
        "TaleError",
        "TaskTooLong",
        "TimedOut",
        "TooManyTasks",
        "TurnRunning",
        "Unreachable",
        "WrongState",
        "rebuild",
    ),
    "events": (
        "EngineMoved",
        "Fact",
        "ModelLoading",
        "Notice",
        "PromptProgress",
        "RoleChanged",
        "Routed",
        "SessionChanged",
        "StepDelta",
        "StepReading",
        "TaskChanged",
        "TaskEvent",
        "TaskSeen",
        "TaskStarted",
        "TasksChanged",
        "TextDelta",
        "ThinkingDelta",
        "TurnCancelled",
        "TurnDone",
        "TurnEvent",
        "TurnFailed",
        "TurnStarted",
    ),
    "figures": ("chance",),
    "link": ("find_engine", "open_face"),
    "model_verbs": ("STARTER",),
    "text": (
        "LINE_LIMIT",
        "clean",
        "clean_line",
        "reveal",
    ),
    "results": (
        "ResultFile",
        "check_name",
        "file_place",
        "result_files",
        "save_file",
        "suggested_name",
    ),
    "store.read_only": ("peek_tasks",),
    "task_types": (
        "ENDED",
        "OPEN",
        "BackendHealth",
        "DetectBand",
        "DetectLabel",
        "EngineStatus",
        "Judged",
        "Plan",
        "Priority",
        "Reason",
        "Residency",
        "ResidentModel",
        "Step",
        "StepKind",
        "StepSpec",
        "StepState",
        "Task",
        "TaskCounts",
        "TaskDetail",
        "TaskEntry",
        "TaskState",
    ),
    "types": (
        "Author",
        "BackendName",
        "BackendReport",
        "ExportFormat",
        "Finding",
        "FindingState",
        "FinishReason",
        "LoadedModel",
        "Message",
        "MessageState",
        "ModelInfo",
        "ModelRef",
        "Progress",
        "QueuedMessage",
        "Role",
        "RoleState",
        "RoleStatus",
        "SearchHit",
        "Session",
        "Transcript",
        "Usage",
        "View",
        "WindowUse",
    ),
    "verbs": ("Verbs",),
    "world": (
        "ID_LENGTH",
        "ID_SHOWN",
        "World",
        "random_id",
    ),
}
"""Module -> the names that are public in it."""
_HOMES = {name: f"{__name__}.{module}" for module, names in _NAMES.items() for name in names}

__all__ = [name for names in _NAMES.values() for name in names]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
