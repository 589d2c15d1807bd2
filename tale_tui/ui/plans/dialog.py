"""A plan in a dialog: read at any time, and where it waits for a yes or its task is paused, changed and answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.domain.errors import TaleError
from tale_tui.domain.events import TaskSeen
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.plans import PlanDraft
from tale_tui.domain.tasks import Plan, StepKind, StepState, Task
from tale_tui.domain.text import clean_line, reveal
from tale_tui.formatting.plans import (
    asking_copy,
    exported_plan,
    numbered,
    plan_json,
    plan_words,
    progress_words,
    refused_words,
    step_does,
    step_facts,
)
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import count
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.dialog import DIALOG_STYLES, FITTED, Dialog
from tale_tui.ui.dialogs.pick import PickDialog
from tale_tui.ui.dialogs.text_entry import TextDialog
from tale_tui.ui.keys import binding
from tale_tui.ui.plans import edits
from tale_tui.ui.plans.answer import PlanAnswer, PlanSource, asks_about_plan, may_change
from tale_tui.ui.plans.edit_step import StepTextsDialog
from tale_tui.ui.plans.edits import StepTexts
from tale_tui.ui.plans.tree import ROOMY, PlanTree
from tale_tui.ui.text import NoMarkup
from tale_tui.ui.widgets.pick_list import PickRow
from tale_tui.ui.widgets.text_button import TextButton

if TYPE_CHECKING:
    from tale_tui.domain.tasks import StepSpec

TICK_S = 1.0
COPY_LINES = 7
"""Of what would be copied out, a line each, that are shown; the task has all of them."""
PROMPT_CHARACTERS = 600
"""Of the prompt of the chosen step that are shown; `e` has all of it."""
REASONING_KEY = "t"
_NAME_LIMIT = 48
_ROLES = {Role.TASK.value: "whichever works on tasks", Role.UX.value: "whichever answers"}
SAFE = "focus-first"
"""The id of the button that leaves everything as it is."""

Edit = Callable[[Plan], Plan]


class PlanDialog(Dialog[PlanAnswer]):
    """The plan of a task. The result says what is to be done; None leaves it as it is.

    The buttons have the focus, the safe one first; the keys of the tree work beside them.
    """

    CSS_PATH: ClassVar[CSSPathType | None] = [DIALOG_STYLES, Path(__file__).with_name("plans.tcss")]
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (8, "-low"), (28, "-high")]  # noqa: RUF012  (declared so by Textual)
    KEYS_PLACE: ClassVar[str] = "In the dialog of a plan"
    EXTRA_LINES: ClassVar[int] = 12
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "all", id="plan.approve", tooltip="Approve: all of it may run"),
        Binding("space", "step", "step", id="plan.step", tooltip="Approve the chosen step alone", priority=True),
        Binding("e", "edit", "edit", id="plan.edit", tooltip="Edit the chosen step: title, question, files"),
        Binding("m", "model", "model", id="plan.model", tooltip="Model: give the chosen step to another one"),
        Binding("plus,equals_sign", "budget(1)", "tokens", key_display="+-", id="plan.more", tooltip="More tokens"),
        binding("plan.fewer", "minus", "budget(-1)", "Fewer tokens", "The chosen step may write fewer tokens"),
        Binding("i", "insert", "insert", id="plan.insert", tooltip="Insert a step behind the chosen one"),
        Binding("d", "remove", "remove", id="plan.remove", tooltip="Remove the chosen step from the plan"),
        Binding("K", "shift(-1)", "move", key_display="K J", id="plan.move_up", tooltip="Move it up"),
        binding("plan.move_down", "J", "shift(1)", "Move down", "Move the chosen step down"),
        Binding("n", "refuse", "refuse", id="plan.refuse", tooltip="Refuse it with a reason; another one is made"),
        Binding("x", "leave_out", "cancel", id="plan.leave_out", tooltip="Cancel the copy: finish without it"),
        Binding("u", "undo", "undo", id="plan.undo", tooltip="Take the last change back"),
        Binding("s", "save", "save", id="plan.save", tooltip="Save the plan to a file, as JSON"),
        Binding("o", "load", "open", id="plan.load", tooltip="Take the plan of a file instead"),
        Binding(REASONING_KEY, "think", "why so", id="plan.thinking", tooltip="Open or close why these steps"),
        Binding("escape", "leave", "back", id="plan.leave", tooltip="Leave it as it is"),
        binding("plan.choose_up", "up,k", "choose(-1)", "Up", "Choose the step above", priority=True),
        binding("plan.choose_down", "down,j", "choose(1)", "Down", "Choose the step below", priority=True),
        binding("plan.choose_page_up", "pageup", "page(-1)", "Page up", "One page up"),
        binding("plan.choose_page_down", "pagedown", "page(1)", "Page down", "One page down"),
        binding("plan.choose_first", "home", "end(-1)", "First", "The first step"),
        binding("plan.choose_last", "end", "end(1)", "Last", "The last step"),
    ]

    def __init__(self, shown: PlanDraft, source: PlanSource, *, clock: Callable[[], float] = time.time) -> None:
        """Take a plan.

        Args:
            shown: as it is stored.
            source: what is asked of others.
            clock: seconds since the epoch.
        """
        super().__init__(_title(shown.detail.task))
        self._source = source
        self._clock = clock
        self._stored = shown
        self._shown = shown
        self._earlier: list[PlanDraft] = []
        """What was shown before each change."""
        self._turn = asyncio.Lock()
        """Is had while a change is checked: they come one after the other."""
        self._unfolded = False
        self._asks = asks_about_plan(shown.detail.task)
        self._editable = may_change(shown.detail.task) and bool(exported_plan(shown.detail).steps)
        self.tree_view = PlanTree(clock=clock)
        self.tree_view.can_focus = False
        self.tree_view.add_class(FITTED)
        self.tree_view.progress = not self._editable

    # what stands in it

    def body(self) -> Iterable[Widget]:
        """How much it is, why the one before was refused, why it asks, the tree, what there is to know of the chosen
        step, and the answers."""
        yield NoMarkup(id="headline")
        yield NoMarkup(id="refused", classes="quiet")
        yield NoMarkup(id="asks", classes="quiet")
        yield NoMarkup(id="reasoning", classes="quiet")
        yield self.tree_view.heading
        yield self.tree_view
        yield NoMarkup(id="chosen")
        yield NoMarkup(id="told", classes="problem")
        yield Horizontal(*self._buttons(), id="buttons")

    def _buttons(self) -> Iterable[TextButton]:
        if self._asks and self._editable and asking_copy(self._shown.detail) is not None:
            yield TextButton("Keep waiting", id=SAFE)
            yield TextButton("Copy", id="all")
            yield TextButton("Finish without copying", id="without")
            yield TextButton("Refuse, with a reason", id="refuse")
        elif self._asks and self._editable:
            yield TextButton("Keep waiting", id=SAFE)
            yield TextButton("Approve all", id="all")
            yield TextButton("Step by step", id="step")
            yield TextButton("Refuse, with a reason", id="refuse")
        elif self._editable:
            yield TextButton("Leave it paused", id=SAFE)
        else:
            yield TextButton("Close", id=SAFE)

    def on_mount(self) -> None:
        """Fit, show it, and follow what becomes of it."""
        self.set_interval(TICK_S, self._tick)
        self._show(self._shown, chosen=self._first_key())
        self._follow()

    def _first_key(self) -> str:
        """The step that is looked at first: the first one that is not over."""
        steps = numbered(self._shown.detail)
        return next((step.spec.key for step in steps if not step.is_over), steps[0].spec.key if steps else "")

    def _show(self, draft: PlanDraft, *, chosen: str | None = None) -> None:
        self._shown = draft
        detail, forecast = draft.detail, draft.forecast
        words = plan_words(detail, forecast) if self._editable else progress_words(detail, forecast)
        self.query_one("#headline", NoMarkup).update(words or "It is still being planned.")
        asks = detail.approval.asks if detail.approval is not None and self._asks else ""
        self._set("#refused", refused_words(detail) if self._asks else "")
        self._set("#asks", asks)
        self._show_reasoning()
        self.tree_view.heading.display = self._editable
        self.set_class(not self._editable, "-read")
        changed = self._changed_keys() if self._editable else frozenset[str]()
        self.tree_view.show(detail, forecast, chosen=chosen, changed=changed)
        self._show_chosen()
        self._fit(self.app.size.height)
        self.refresh_bindings()

    def _show_reasoning(self) -> None:
        reasoning = clean_line(self._shown.detail.plan.reasoning)
        sign = signs().unfolded if self._unfolded else signs().folded
        words = f"{sign} why these steps{f': {reasoning}' if self._unfolded else f'   {REASONING_KEY}'}"
        self._set("#reasoning", words if reasoning else "")

    def _show_chosen(self) -> None:
        row = self.tree_view.row
        if row is None:
            self._set("#chosen", "")
            return
        spec, detail = row.step.spec, self._shown.detail
        facts = list(step_facts(detail, self._shown.forecast, spec.key))
        if self.tree_view.size.width < ROOMY and self._editable:
            short = (("after", row.after), ("by", row.model), ("", "effects outside" if spec.goes_outside else ""))
            facts = [*(f"{name} {words}".strip() for name, words in short if words not in ("", signs().dash)), *facts]
        if spec.max_tokens:
            facts.append(f"at most {count(spec.max_tokens)} tok")
        if not self._editable and row.state:
            facts.insert(0, row.state)
        copies = bool(row.step.text) and spec.kind == StepKind.COPY
        if copies:
            facts.clear()  # each file stands below
        head = Content.assemble(
            (f"{row.number}  ", "$muted"), (clean_line(spec.title or spec.key), "bold"), "   ",
            (clean_line(f" {signs().dot} ".join(facts)), "$muted"),
        )  # fmt: skip
        lines = _copy_lines(row.step.text) if copies else _quoted(step_does(detail, row.step))
        chosen = self.query_one("#chosen", NoMarkup)
        chosen.set_class(copies, "-copies")
        chosen.update(Content("\n").join([head, *map(Content, lines)]))

    def _set(self, selector: str, words: str) -> None:
        """Show words, or no line at all."""
        line = self.query_one(selector, NoMarkup)
        line.display = bool(words)
        line.update(words)

    def _tell(self, words: str) -> None:
        """Say what cannot be done, or what was done, below the tree."""
        self._set("#told", words)

    def _tick(self) -> None:
        if self.tree_view.progress:
            self.tree_view.tick()

    @on(PlanTree.Moved)
    def _moved(self, event: PlanTree.Moved) -> None:
        event.stop()
        self._tell("")
        self._show_chosen()

    def on_resize(self) -> None:
        """Fit into the terminal as it is now."""
        super().on_resize()
        self._show_chosen()

    # as it goes

    @work(name="follow the plan", group="follow", exclusive=True, exit_on_error=False)
    async def _follow(self) -> None:
        try:
            async with aclosing(self._source.follow()) as events:
                async for event in events:
                    if isinstance(event, TaskSeen):
                        await self._seen(event.detail.task)
        except TaleError as error:
            self._tell(error.sentence)

    async def _seen(self, task: Task) -> None:
        before = self._stored.detail.task
        if (task.state, task.updated, task.steps_done) == (before.state, before.updated, before.steps_done):
            return
        stored = await self._source.read()
        if stored.detail.plan == self._stored.detail.plan and may_change(stored.detail.task) == may_change(before):
            self._stored = stored
            if not self._earlier:
                self._show(stored)
            return
        self._stored, lost = stored, bool(self._earlier)
        self._earlier.clear()
        self._asks = asks_about_plan(stored.detail.task)
        self._editable = may_change(stored.detail.task) and bool(exported_plan(stored.detail).steps)
        self.tree_view.progress = not self._editable
        buttons = self.query_one("#buttons", Horizontal)
        await buttons.remove_children()
        await buttons.mount(*self._buttons())
        buttons.query(TextButton).first().focus()
        self.query_one("#title", NoMarkup).update(_title(stored.detail.task))
        self._show(stored)
        self._tell(
            f"It is another plan now{', and what you changed is gone' if lost else ''}." if self._editable else ""
        )

    # keys that move

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done with the plan as it is."""
        if action in ("approve", "step", "refuse"):
            return self._asks and self._editable
        if action == "leave_out":
            return self._asks and self._editable and asking_copy(self._shown.detail) is not None
        if action in ("edit", "model", "budget", "insert", "remove", "shift", "load"):
            return self._editable
        if action == "undo":
            return bool(self._earlier)
        if action == "think":
            return bool(self._shown.detail.plan.reasoning)
        if action == "save":
            return bool(exported_plan(self._shown.detail).steps)
        return super().check_action(action, parameters)

    def action_choose(self, step: int) -> None:
        """Choose a step."""
        self.tree_view.action_move(step)

    def action_page(self, direction: int) -> None:
        self.tree_view.action_page(direction)

    def action_end(self, direction: int) -> None:
        self.tree_view.action_end(direction)

    def action_think(self) -> None:
        """Open or close why a model made these steps."""
        self._unfolded = not self._unfolded
        self._show_reasoning()
        self._fit(self.app.size.height)

    # changes

    def _spec(self, *, asks_model: bool = False) -> StepSpec | None:
        """The chosen step, where it may be changed; else why not is told."""
        row = self.tree_view.row
        if row is None:
            return None
        if row.step.is_over:
            self._tell(f"{row.number} is {'left out' if row.step.state is StepState.SKIPPED else 'done'}: it stays.")
            return None
        if asks_model and row.step.spec.kind != StepKind.MODEL:
            self._tell(f"{row.number} asks no model.")
            return None
        return row.step.spec

    def _changed_keys(self) -> frozenset[str]:
        before = {spec.key: spec for spec in self._stored.detail.plan.steps}
        return edits.changed_keys(before, self._shown.detail.steps)

    @work(group="edit", exit_on_error=False)
    async def _change(self, edit: Edit, *, chosen: str | None = None) -> None:
        """Change the plan as it is after all changes before this one; what cannot be run changes nothing."""
        async with self._turn:
            try:
                draft = await self._source.draft(plan_json(edit(exported_plan(self._shown.detail))))
            except TaleError as error:
                self._tell(error.sentence)
                return
            self._earlier.append(self._shown)
            self._tell("")
            self._show(draft, chosen=chosen)

    def action_undo(self) -> None:
        """Take the last change back."""
        if self._earlier:
            self._tell("")
            self._show(self._earlier.pop())

    def action_budget(self, direction: int) -> None:
        if (spec := self._spec(asks_model=True)) is not None:
            row = self.tree_view.row
            foreseen = row.foreseen.tokens.high if row is not None and row.foreseen is not None else None
            self._change(lambda plan: edits.budgeted(plan, spec.key, direction, foreseen))

    def action_remove(self) -> None:
        if (spec := self._spec()) is not None:
            self._change(lambda plan: edits.removed(plan, spec.key))

    def action_shift(self, direction: int) -> None:
        if (spec := self._spec()) is not None:
            names = {row.step.spec.key: row.number for row in self.tree_view.rows}
            self._change(lambda plan: edits.moved(plan, spec.key, direction, names))

    def action_edit(self) -> None:
        """Ask for other words for the chosen step."""
        if (spec := self._spec()) is None:
            return

        def keep(texts: StepTexts | None) -> None:
            if texts is not None and texts != before:
                self._change(lambda plan: edits.rewritten(plan, spec.key, texts))

        before = StepTexts(spec.title, spec.prompt, spec.files)
        self.app.push_screen(StepTextsDialog(f"Edit {clean_line(spec.title, _NAME_LIMIT)}", before), keep)

    def action_insert(self) -> None:
        """Ask what a step behind the chosen one is to do."""
        row = self.tree_view.row
        if row is None:
            return
        behind = row.step.spec
        if behind.key not in {spec.key for spec in exported_plan(self._shown.detail).steps}:
            self._tell(f"{row.number} is left out: choose another step to insert one behind.")
            return

        def keep(texts: StepTexts | None) -> None:
            if texts is not None:
                _, key = edits.inserted(exported_plan(self._shown.detail), behind.key, texts)
                self._change(lambda plan: edits.inserted(plan, behind.key, texts)[0], chosen=key)

        self.app.push_screen(StepTextsDialog(f"A step behind {clean_line(behind.title, _NAME_LIMIT)}"), keep)

    @work(group="model", exclusive=True, exit_on_error=False)
    async def action_model(self) -> None:
        """Ask which model the chosen step is to be given to."""
        spec = self._spec(asks_model=True)
        if spec is None:
            return
        try:
            models = await self._source.models()
        except TaleError as error:
            self._tell(error.sentence)
            return
        roles = [PickRow(role, words) for role, words in _ROLES.items()]
        now = str(spec.ref) if spec.ref is not None else spec.role.value
        title = f"Who does {clean_line(spec.title, _NAME_LIMIT)}?"
        name = await self.app.push_screen_wait(PickDialog(title, [*roles, PickRow("", ""), *models], chosen=now))
        if name is not None and name != now:
            model = Role(name) if name in _ROLES else ModelRef.parse(name)
            self._change(lambda plan: edits.given_to(plan, spec.key, model))

    @work(group="file", exclusive=True, exit_on_error=False)
    async def action_save(self) -> None:
        """Write the plan to a file."""
        await self._source.save(plan_json(exported_plan(self._shown.detail), indent=2))

    @work(group="file", exclusive=True, exit_on_error=False)
    async def action_load(self) -> None:
        """Take the plan of a file in place of this one."""
        try:
            text = await self._source.load()
            if text is None:
                return
            async with self._turn:
                draft = await self._source.draft(text)
                self._earlier.append(self._shown)
                self._tell("")
                self._show(draft)
        except TaleError as error:
            self._tell(error.sentence)

    # answers

    @on(TextButton.Pressed)
    def _answer(self, event: TextButton.Pressed) -> None:
        match event.button.id:
            case "all":
                self.action_approve()
            case "step":
                self._approve_step(self._next_key())
            case "without":
                self.action_leave_out()
            case "refuse":
                self.action_refuse()
            case _:
                self.action_leave()

    @property
    def _changed_plan(self) -> str:
        """The plan as JSON where it is another one than the one that is stored; else nothing."""
        now = exported_plan(self._shown.detail)
        return plan_json(now) if self._earlier and now != exported_plan(self._stored.detail) else ""

    def action_approve(self) -> None:
        """All of it may run."""
        self._finish(PlanAnswer(yes=True))

    def action_leave_out(self) -> None:
        """No file is copied out, and the task goes on."""
        if (step := asking_copy(self._shown.detail)) is not None:
            self._finish(PlanAnswer(skip=step.spec.key))

    def action_step(self) -> None:
        """The chosen step may run."""
        if (spec := self._spec()) is not None:
            self._approve_step(spec.key)

    def _approve_step(self, key: str) -> None:
        if key:
            self._finish(PlanAnswer(yes=True, step=key))

    def _next_key(self) -> str:
        """The first step that can run with what is done."""
        steps = [step for step in numbered(self._shown.detail) if not step.is_over]
        open_keys = {step.spec.key for step in steps}
        return next((step.spec.key for step in steps if not open_keys & set(step.spec.after)), "")

    @work(group="answer", exclusive=True, exit_on_error=False)
    async def _finish(self, answer: PlanAnswer) -> None:
        """Close with an answer, when every change was checked."""
        async with self._turn:
            self.dismiss(replace(answer, plan=self._changed_plan))

    def action_refuse(self) -> None:
        """Ask why; what makes the new plan is told."""

        def refuse(reason: str | None) -> None:
            if reason:
                self.dismiss(PlanAnswer(reason=reason))

        hint = "Why, as the model is told that makes another plan. What is done stays; the new plan asks again."
        self.app.push_screen(TextDialog("Refuse this plan", hint=hint, placeholder="Use SQLite"), refuse)

    def action_leave(self) -> None:
        """Close it; what was changed is kept or dropped, as the user says."""
        if not self._changed_plan:
            self.dismiss(None)
            return

        def leave(drop: bool | None) -> None:
            if drop is not None:
                self.dismiss(None if drop else PlanAnswer(self._changed_plan))

        detail = "Nothing runs by that: what is new or changed waits for your yes."
        self.app.push_screen(
            ConfirmDialog("Keep your changes to the plan?", "Drop them", "Keep them", detail=detail), leave
        )


def _quoted(asked: str) -> list[str]:
    """What a model is asked, as a line in quotation marks; none where it is asked nothing."""
    what = clean_line(reveal(asked), PROMPT_CHARACTERS)
    return [f"“{what}”"] if what else []


def _copy_lines(text: str) -> list[str]:
    """What a step would copy out or has copied: where to, then a line for each file; none before that is known."""
    lines = [clean_line(reveal(line)) for line in text.splitlines() if line.strip()]
    more = len(lines) - COPY_LINES
    return lines if more <= 0 else [*lines[:COPY_LINES], f"{signs().ellipsis} and {more} more"]


def _title(task: Task) -> str:
    name = f"{task.shown}  {clean_line(task.title, _NAME_LIMIT)}"
    return f"{name}: may this run?" if asks_about_plan(task) else f"{name}: its plan"
