"""Questions about tasks: which messages are some, and what is said."""

from __future__ import annotations

from typing import Any

import pytest

from tale_tui.domain.conversation import Author, Message
from tale_tui.domain.tasks import Reason, Task, TaskState
from tale_tui.engine.chat.task_questions import (
    KnownTasks,
    Question,
    TaskQuestion,
    answer,
    describe_cancelled,
    plain_of,
    task_question,
    to_cancel,
)
from tale_tui.formatting.sentences import describe, describe_all
from tale_tui.formatting.units import span

NOW = 1_000_000.0


def task(id_: str = "k4t9aaaa", state: TaskState = TaskState.RUNNING, **more: Any) -> Task:
    values: dict[str, Any] = {"created": NOW - 100, "updated": NOW} | more
    return Task(id_, id_[:4], "Fibonacci function", state, **values)


def said(text: str, created: float = NOW - 120) -> Message:
    return Message("m1", "s1", None, Author.USER, text, created)


RUNNING = KnownTasks((task(running_since=NOW - 42),), now=NOW, last=said("write it"), last_task_id="k4t9aaaa")
IDLE = KnownTasks((task(state=TaskState.DONE, finished=NOW - 600),), now=NOW)
NONE = KnownTasks(now=NOW)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("How is my task doing?", Question.STATUS),
        ("What's the status of my task?", Question.STATUS),
        ("what is the status of the task", Question.STATUS),
        ("hey, can you tell me how my task is going", Question.STATUS),
        ("Do you know if my task is done yet?", Question.STATUS),
        ("Hey, how is my task going, please?", Question.STATUS),
        ("is my task done yet?", Question.STATUS),
        ("is the task still running", Question.STATUS),
        ("did my task finish?", Question.STATUS),
        ("any news on the task?", Question.STATUS),
        ("how much longer will the task take", Question.STATUS),
        ("when will my task be ready", Question.STATUS),
        ("task status", Question.STATUS),
        ("what happened to my task?", Question.STATUS),
        ("what tasks are running?", Question.ALL),
        ("list my tasks", Question.ALL),
        ("How are my tasks doing?", Question.ALL),
        ("what's in the queue", Question.ALL),
        ("what was my last request?", Question.LAST),
        ("what did I just ask you", Question.LAST),
        ("What was the last thing I asked for?", Question.LAST),
        ("what was my last task?", Question.LAST_TASK),
        ("cancel that", Question.CANCEL),
        ("please cancel it", Question.CANCEL),
        ("cancel my task", Question.CANCEL),
        ("can you stop the task please", Question.CANCEL),
        ("never mind, cancel that", Question.CANCEL),
        ("cancel all tasks", Question.CANCEL_ALL),
        ("cancel everything", Question.CANCEL_ALL),
        ("is it done yet?", Question.STATUS),
        ("how long will it take?", Question.STATUS),
        ("are you done?", Question.STATUS),
        ("status?", Question.STATUS),
        ("any progress?", Question.STATUS),
        ("how's it going with my task?", Question.STATUS),
        ("what's my task doing", Question.STATUS),
        ("why did my task fail?", Question.STATUS),
        ("give me an update", Question.STATUS),
        ("how are my tasks", Question.ALL),
        ("do I have any tasks?", Question.ALL),
        ("what's running?", Question.ALL),
        ("what did I ask you to do?", Question.LAST),
        ("my last request", Question.LAST),
        ("I'd like to cancel that", Question.CANCEL),
        ("nvm, stop", Question.CANCEL),
        ("stop the job", Question.CANCEL),
        ("Wie läuft meine Aufgabe?", Question.STATUS),
        ("Hallo, ist die Aufgabe schon fertig?", Question.STATUS),
        ("Wie weit bist du?", Question.STATUS),
        ("Welche Aufgaben laufen gerade?", Question.ALL),
        ("Was war meine letzte Anfrage?", Question.LAST),
        ("Was war meine letzte Aufgabe?", Question.LAST_TASK),
        ("Brich das bitte ab", Question.CANCEL),
        ("Aufgabe abbrechen", Question.CANCEL),
        ("alle Aufgaben abbrechen", Question.CANCEL_ALL),
        ("Où en est ma tâche ?", Question.STATUS),
        ("Est-ce que ma tâche est terminée ?", Question.STATUS),
        ("tu as fini ?", Question.STATUS),
        ("Quelles tâches sont en cours ?", Question.ALL),
        ("Quelle était ma dernière demande ?", Question.LAST),
        ("annule ça, s'il te plaît", Question.CANCEL),
        ("arrête tout", Question.CANCEL_ALL),
        ("¿Cómo va mi tarea?", Question.STATUS),
        ("¿Ya terminó mi tarea?", Question.STATUS),
        ("¿cuánto falta?", Question.STATUS),
        ("muéstrame mis tareas", Question.ALL),
        ("¿Cuál fue mi última petición?", Question.LAST),
        ("cancélalo por favor", Question.CANCEL),
        ("cancela todo", Question.CANCEL_ALL),
        ("A che punto è il mio compito?", Question.STATUS),
        ("hai finito?", Question.STATUS),
        ("mostrami i miei compiti", Question.ALL),
        ("Qual era la mia ultima richiesta?", Question.LAST),
        ("annulla il compito", Question.CANCEL),
        ("annulla tutto", Question.CANCEL_ALL),
        ("我的任务怎么样了?", Question.STATUS),
        ("任务完成了吗", Question.STATUS),
        ("还要多久?", Question.STATUS),
        ("有哪些任务在运行", Question.ALL),
        ("我上一个请求是什么?", Question.LAST),
        ("请取消我的任务,谢谢", Question.CANCEL),
        ("取消所有任务", Question.CANCEL_ALL),
    ],
)
def test_questions_about_tasks(text: str, question: Question) -> None:
    found = task_question(text, RUNNING)
    assert (found.question if found else None) == question


@pytest.mark.parametrize(
    "text",
    [
        "Write a function that lists my tasks",
        "how's it going?",
        "How are you doing?",
        "stop it, you make me laugh",
        "what is the status of my visa application?",
        "cancel my subscription letter, make it formal",
        "write a status report",
        "can you write a task list for moving house?",
        "what was my last request about fish, and can you redo it in French?",
        "Is my code done right?",
        "how do I cancel an asyncio task?",
        "is it raining",
        "What is the status of women in Iran?",
        "cancel culture explained",
        "how is my essay?",
        "how is my job going?",
        "what happened to Jobs?",
        "I want to end it",
        "drop everything and run",
        "update my CV",
        "what is running good for",
        "why did it fail to launch in Europe?",
        "wie läuft das Projekt?",
        "Wie geht es dir?",
        "Wie lange dauert der Flug?",
        "Aufgabe 3: berechne die Fläche",
        "où en est la guerre ?",
        "annule mon rendez-vous",
        "¿cómo va todo?",
        "cancela mi cita",
        "¿Cuánto falta para Navidad?",
        "mi tarea de matemáticas",
        "come va?",
        "annulla l'abbonamento",
        "取消文化是什么",
        "任务管理器怎么打开",
        "你做完作业了吗",
        "我完成了任务",
        "",
        "?",
        "status of my task " * 20,
    ],
)
def test_other_messages_are_none(text: str) -> None:
    assert task_question(text, RUNNING) is None


@pytest.mark.parametrize(
    "text",
    ["cancel that", "is it done yet?", "status?", "are you done?", "stop", "what's running?", "annule ça", "完成了吗"],
)
def test_what_points_counts_only_where_a_task_can_be_meant(text: str) -> None:
    assert task_question(text, RUNNING) is not None
    assert task_question(text, IDLE) is None
    assert task_question(text, NONE) is None


def test_without_a_task_nothing_is_said_of_one() -> None:
    assert task_question("how is my task doing?", NONE) is None
    assert task_question("what was my last task?", NONE) is None
    assert task_question("what was my last request?", NONE) is None
    assert task_question("what was my last request?", KnownTasks(last=said("hello"), now=NOW)) is not None


def test_what_names_a_task_counts_where_there_was_one() -> None:
    assert task_question("cancel my task", IDLE) == TaskQuestion(Question.CANCEL)
    assert task_question("how is my task doing?", IDLE) == TaskQuestion(Question.STATUS)
    assert task_question("cancel my task", KnownTasks((), RUNNING.tasks, now=NOW)) is None


def test_a_task_is_named_by_its_id() -> None:
    first, second = task(), task("p2m8bbbb")
    rows = KnownTasks((first, second), now=NOW)
    for text in ("how is k4t9 doing?", "status of task k4t9", "is K4T9 done?"):
        assert task_question(text, rows) == TaskQuestion(Question.STATUS, first)
    found = task_question("cancel p2m8", rows)
    assert found == TaskQuestion(Question.CANCEL, second)
    assert found is not None
    assert to_cancel(found, rows) == (second,)


def test_courtesies_are_taken_off() -> None:
    assert plain_of("Hey, could you please tell me what’s up -- thanks!") == "what is up"
    assert plain_of("Please") == "please"


# sentences


def one(state: TaskState, **more: Any) -> str:
    return describe(task(state=state, **more), NOW)


def test_how_a_task_is() -> None:
    name = "“Fibonacci function” (k4t9)"
    assert one(TaskState.RUNNING, running_since=NOW - 42) == f"{name} is running: 42 s so far."
    assert one(TaskState.RUNNING, running_since=NOW - 42, worked_s=60, expected_s=162, steps_total=3, steps_done=1) == (
        f"{name} is running, 1 of 3 steps done: 2 min so far. About 1 min are left, going by earlier tasks."
    )
    assert "Earlier tasks took about 30 s." in one(TaskState.RUNNING, running_since=NOW - 42, expected_s=30)
    assert one(TaskState.QUEUED) == f"{name} is queued and starts as soon as there is room."
    assert one(TaskState.QUEUED, waits_for=("p2m8",)) == f"{name} waits for p2m8."
    assert one(TaskState.QUEUED, next_try=NOW + 12) == f"{name} is tried again in 12 s."
    assert "waits for your yes" in one(TaskState.WAITING)
    assert "is paused. /resume k4t9" in one(TaskState.PAUSED, reason=Reason.USER)
    assert "cut off when the application ended" in one(TaskState.PAUSED, reason=Reason.INTERRUPTED)
    assert one(TaskState.DONE, finished=NOW - 5) == f"{name} is done; it ended just now. /result k4t9 shows all of it."
    assert "is done; it ended 10 min ago." in one(TaskState.DONE, finished=NOW - 600)
    assert "failed: No memory. /retry k4t9" in one(TaskState.FAILED, error="No memory.")
    assert "was cancelled. /retry k4t9" in one(TaskState.CANCELLED)
    assert one(TaskState.DRAFT) == f"{name} is planned and not handed in."


def test_a_long_title_is_cut() -> None:
    long = Task("k4t9aaaa", "k4t9", "x" * 100, TaskState.QUEUED, NOW, NOW)
    assert describe(long, NOW).startswith(f"“{'x' * 59}…” (k4t9)")


def test_several_tasks_are_counted_and_the_first_are_told() -> None:
    tasks = [task(f"t{number:03}aaaa", TaskState.QUEUED) for number in range(9)] + [task(running_since=NOW)]
    lines = describe_all(tasks, NOW).splitlines()
    assert lines[0] == "10 tasks: 9 queued, 1 running."
    assert len([line for line in lines if line.startswith("- “")]) == 8
    assert lines[-1] == "- and 2 more, in /tasks."


def test_durations() -> None:
    assert [span(each) for each in (-1, 42.4, 61, 7200, 86_400, 200_000)] == [
        "0 s",
        "42 s",
        "1 min",
        "2 h",
        "1 day",
        "2 days",
    ]


def said_to(text: str, rows: KnownTasks) -> str:
    found = task_question(text, rows)
    assert found is not None
    return answer(found, rows)


def test_the_open_one_is_told_before_one_that_ended() -> None:
    ended = task("p2m8bbbb", TaskState.DONE, created=NOW, finished=NOW)
    assert "(k4t9) is running" in said_to("how is my task doing?", KnownTasks((*RUNNING.tasks, ended), now=NOW))
    assert "(p2m8) is done" in said_to("how is my task doing?", KnownTasks((ended,), now=NOW))


def test_the_open_ones_elsewhere_are_told_where_the_conversation_has_none() -> None:
    assert "is running" in said_to("how is my task doing?", KnownTasks((), RUNNING.tasks, now=NOW))
    assert said_to("which tasks are running?", IDLE).startswith("No task is open. The last one: “Fib")
    two = KnownTasks((), (task(running_since=NOW), task("p2m8bbbb", TaskState.QUEUED)), now=NOW)
    assert said_to("what tasks are running?", two).startswith("2 tasks: ")


def test_the_last_request_is_quoted_with_what_became_of_it() -> None:
    assert said_to("what was my last request?", KnownTasks(last=said("hello\nthere"), now=NOW)) == (
        "Your last request, 2 min ago: “hello there”"
    )
    sentence = said_to("what was my last request?", RUNNING)
    assert "“write it” It became a task: “Fibonacci function” (k4t9) is running" in sentence
    assert said_to("what did I ask last?", KnownTasks(last=said("x" * 999), now=NOW)).endswith("x …”")
    assert said_to("what was my last task?", RUNNING).startswith("Your last task: “Fib")


def test_what_is_cancelled() -> None:
    older, newer = task(created=NOW - 50), task("p2m8bbbb", created=NOW - 20)
    ended = task("q7q7cccc", TaskState.DONE, created=NOW)
    rows = KnownTasks((older, newer, ended), now=NOW)
    assert to_cancel(TaskQuestion(Question.CANCEL), rows) == (newer,)
    assert to_cancel(TaskQuestion(Question.CANCEL_ALL), rows) == (older, newer)
    assert to_cancel(TaskQuestion(Question.CANCEL), IDLE) == ()
    assert describe_cancelled([newer]).startswith("“Fibonacci function” (p2m8) is cancelled.")
    assert describe_cancelled([older, newer]).startswith("2 tasks are cancelled: ")
