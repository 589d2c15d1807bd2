"""What models answer when they are asked for a plan: what is read of it, what is mended, what is refused and how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.errors import BadPlan
from tale_tui.domain.models import Role
from tale_tui.domain.plans import JOIN_KEY, spliced
from tale_tui.domain.tasks import Plan, Priority, StepKind, StepSpec
from tale_tui.engine.models.demo import DEMO_PLAN
from tale_tui.engine.models.lenient_json import mended
from tale_tui.engine.planning.prompts import PlanQuestion, plan_messages, plan_schema
from tale_tui.engine.planning.reading import PlanLimits, named_places, read_plan, single_step, with_join
from tale_tui.engine.tasks.plan import check

LIMITS = PlanLimits(steps=30, max_tokens=4096)


def step(key: Any, *after: Any, **more: Any) -> dict[str, Any]:
    return {"key": key, "title": f"The {key}", "prompt": f"do {key}", "after": list(after)} | more


def answer(*steps: Any, **more: Any) -> str:
    return json.dumps({"reasoning": "So it is.", "steps": list(steps)} | more)


def read(text: str, **more: Any) -> dict[str, StepSpec]:
    return {spec.key: spec for spec in read_plan(text, LIMITS, **more).steps}


QWEN = """<think></think>
Here is the plan:

```json
{
  "reasoning": "The API needs the data model first.",
  "steps": [
    {"id": 1, "title": "Data model", "description": "Design tables for users.", "depends_on": [],
     "expected_output": "SQL", "files": ["schema.sql"]},
    {"id": 2, "title": "API", "description": "Write the routes.", "depends_on": [1], "files": ["routes.py"]},
    {"id": 3, "title": "Login", "description": "Write the login.", "depends_on": [1, 2]}
  ]
}
```

Let me know if you want changes!"""
"""As Qwen 2.5 answers without a grammar: a fence, words around it, numbers for keys, names of its own for fields."""

LLAMA = """{"plan": {"steps": [
 {"step": "Step 1", "name": "Set up the database", "instructions": "Create the schema {users, posts}.",
  "dependencies": []},
 {"step": "Step 2", "name": "Write the API", "instructions": "Write it.", "dependencies": ["Step 1"]},
 {"step": "Step 3", "name": "Add authentication", "instructions": "Add it.",
  "dependencies": ["Set up the database"]}]}}"""
"""As Llama 3.1 answers: one more object around it, dependencies by name and by number in words."""

MISTRAL = """I would do it in these steps: [first the model] then {the rest}.

[{"name": "schema", "task": "Design the schema", "outputs": "a schema"},
 {"name": "api", "task": "Write the API", "requires": "schema", "inputs": ["schema", "the task"]}]"""
"""As Mistral 7B answers: a bare list, words with brackets before it, one dependency that is no list."""


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        (QWEN, {"1": (), "2": ("1",), "3": ("1", "2")}),
        (LLAMA, {"step-1": (), "step-2": ("step-1",), "step-3": ("step-1",)}),
        (MISTRAL, {"schema": (), "api": ("schema",)}),
    ],
    ids=["qwen2.5", "llama3.1", "mistral"],
)
def test_the_ways_of_real_models_are_read(text: str, edges: dict[str, tuple[str, ...]]) -> None:
    found = read(text)
    assert {key: spec.after for key, spec in found.items()} == edges
    assert all(spec.prompt for spec in found.values())


ANSWERS = Path(__file__).parent / "answers"
"""As models answer without a grammar that holds them to the form, each after what its family is known for."""


@pytest.mark.parametrize("model", ["deepseek-r1", "gemma-2", "phi-3", "codellama"])
def test_what_is_nearly_json_is_read_as_it_is_meant(model: str) -> None:
    found = read((ANSWERS / f"{model}.txt").read_text())
    assert {key: spec.after for key, spec in found.items()} == {
        "schema": (),
        "api": ("schema",),
        "login": ("schema", "api"),
    }
    assert found["schema"].files == ("schema.sql",)
    assert found["schema"].title == "Database schema"


def test_signs_of_comments_and_quotes_inside_of_strings_stay() -> None:
    found = read((ANSWERS / "gemma-2.txt").read_text())
    assert 'https://www.sqlite.org/lang.html for the types, and say "done".' in found["schema"].prompt
    assert found["api"].prompt == "Write the routes # and their tests."
    assert read((ANSWERS / "phi-3.txt").read_text())["schema"].prompt == 'Write the "users" table.'
    assert read((ANSWERS / "codellama.txt").read_text())["schema"].prompt.endswith("tables,\nwith an index: each.")


def test_an_answer_that_was_cut_off_is_never_mended_into_half_a_plan() -> None:
    text = (ANSWERS / "llama-3.2-cut.txt").read_text()
    with pytest.raises(BadPlan, match="breaks off in the middle"):
        read(text)
    for whole in ("gemma-2", "phi-3", "codellama"):
        text = (ANSWERS / f"{whole}.txt").read_text()
        for end in range(text.index("api") - 20, text.rindex("]"), 7):
            with pytest.raises(BadPlan):
                read(text[:end])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    )
)
def test_what_is_json_is_the_same_after_it_was_mended(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert json.loads(mended(text)) == value


def test_all_that_a_step_may_say_is_read() -> None:
    full = step(
        "b", "a", purpose="why", inputs=["schema.sql"], output="code", files=["src/b.py"], priority="high",
        model="small", max_tokens=9_999_999, outside=True, command="rm -rf /",
    )  # fmt: skip
    spec = read(answer(step("a", files=["schema.sql"]), full))["b"]
    assert spec == StepSpec(
        "b", "The b", "do b", ("a",), role=Role.UX, max_tokens=4096, repeatable=False, purpose="why",
        inputs=("schema.sql",), output="code", files=("src/b.py",), priority=Priority.HIGH,
    )  # fmt: skip
    assert spec.goes_outside


def test_who_gives_an_input_is_waited_for() -> None:
    assert read(answer(step("a", files=["x.sql"]), step("b", inputs=["x.sql"])))["b"].after == ("a",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The answer has no JSON."),
        ("I cannot do that.", "The answer has no JSON."),
        (answer(step("a"))[:-20], "breaks off in the middle"),
        (answer(step("a", files=["a.txt"]), step("b"))[:-60], "breaks off in the middle"),
        ('{"steps": [{key: one}]}', "looks like JSON in the answer is none"),
        ('{"answer": 42}', "no list of steps"),
        (answer(), "has no steps"),
        (answer(step("a", "b"), step("b", "a")), "wait for each other"),
        (answer(step("a", "a")), "wait for each other"),
        (answer(*(step(f"s{n}") for n in range(40))), "40 steps, and 30 is the limit"),
        (answer(step("a"), step("a")), "Two steps have the key a"),
        (answer(step("a", prompt=" ")), "no prompt"),
        (answer(step("a", "nowhere")), "there is no step nowhere"),
        (answer(step("a", inputs=["nothing.txt"])), 'no step before a is called "nothing.txt"'),
        (answer(step("a", files=["../../.ssh/authorized_keys"])), "no file inside the folder"),
        (answer(step("a", files=["/etc/passwd"])), "no file inside the folder"),
        (answer(step("a", files=["C:\\x.txt"])), "no file inside the folder"),
        (answer(step("a", files=["src/../../x"])), "no file inside the folder"),
        (answer(step("a", files=["x.py"]), step("b", files=["x.py"])), "x.py is given by a as well"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(BadPlan, match="(?s)" + said.replace("(", "\\(")) as refused:
        read(text)
    assert "\n" not in refused.value.sentence


def test_an_answer_that_was_repaired_once_is_mended_where_that_harms_nothing() -> None:
    text = answer(step("a", "nowhere"), step("b", "a", inputs=["what the user said"]))
    found = read(text, mend=True)
    assert (found["a"].after, found["b"].inputs) == ((), ())
    for wrong in (answer(step("a", files=["../x"])), answer(step("a", "b"), step("b", "a")), answer()):
        with pytest.raises(BadPlan):
            read(wrong, mend=True)


def test_new_steps_may_wait_for_those_that_are_done() -> None:
    done = [StepSpec("a", "A", "x", files=("a.txt",)), StepSpec("result", "R", "x", ("a",))]
    found = read(answer(step("c", "a", inputs=["a.txt"])), done=done)
    assert found["c"].after == ("a",)


def test_keys_that_the_engine_gives_are_not_taken() -> None:
    assert set(read(answer(step("result"), step("plan-2", "result")))) == {"result-step", "plan-2-step"}


def test_a_step_is_broken_down_at_most_twice() -> None:
    assert read(answer(step("a", split=True)))["a"].kind == StepKind.PLAN
    last = PlanLimits(30, 4096, level=3, part_of="a.b")
    [spec] = read_plan(answer(step("c", split=True)), last).steps
    assert (spec.key, spec.kind, spec.level, spec.part_of) == ("a.b.c", "model", 3, "a.b")


def test_parts_stand_where_the_whole_stood() -> None:
    whole = StepSpec("b", "B", "x", ("a",), kind=StepKind.PLAN, files=("b.txt",))
    last = StepSpec("c", "C", "x", ("b",), inputs=("b.txt",))
    plan = Plan((StepSpec("a", "A", "x"), whole, last))
    parts = read_plan(answer(step("one"), step("two", "one"), step("side")), PlanLimits(9, 99, 2, "b")).steps
    found = {spec.key: spec for spec in spliced(plan, "b", parts).steps}
    assert found["b.one"].after == found["b.side"].after == ("a",)
    assert found["b.two"].after == ("b.one",)
    assert found["c"].after == found["c"].inputs == ("b.two", "b.side")


def test_results_are_joined_where_there_are_several() -> None:
    several = with_join(read_plan(answer(step("a"), step("b", "a"), step("c")), LIMITS))
    assert several.steps[-1].key == JOIN_KEY
    assert several.steps[-1].after == ("b", "c")
    assert with_join(several) == several
    one = single_step("do it", LIMITS, "The answer has no JSON.")
    assert with_join(one) == one
    assert "no JSON" in one.reasoning


def test_the_form_is_a_schema_and_the_question_says_the_same_limit() -> None:
    schema = json.loads(plan_schema(7))
    assert schema["properties"]["steps"]["maxItems"] == 7
    system, user = plan_messages(PlanQuestion("Build it"), limit=7, room_bytes=20_000)
    assert "7 at most" in system.text
    assert user.text.endswith("The task:\nBuild it")


def test_a_question_keeps_to_its_room() -> None:
    question = PlanQuestion(
        "Build it", "talk " * 5000, "facts " * 5000, [f"{n}.py" for n in range(5000)], done={"a, A": "done " * 9000}
    )
    for room in (1_000, 6_000, 30_000):
        length = sum(len(message.text) for message in plan_messages(question, limit=30, room_bytes=room))
        bare = sum(len(message.text) for message in plan_messages(PlanQuestion("Build it"), limit=30, room_bytes=0))
        assert length <= max(bare, room)


# as a graph


@st.composite
def answers(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Steps that wait for any other ones, those after them and themselves included."""
    count = draw(st.integers(1, 12))
    names = [f"s{number}" for number in range(count)]
    return [step(name, *draw(st.lists(st.sampled_from([*names, "gone"]), max_size=3))) for name in names]


@given(answers(), st.booleans())
def test_what_is_read_is_a_graph_that_runs_to_its_end(steps: list[dict[str, Any]], mend: bool) -> None:
    try:
        plan = read_plan(answer(*steps), LIMITS, mend=mend)
    except BadPlan:
        after = {one["key"]: set(one["after"]) - ({"gone"} if mend else set()) for one in steps}
        if mend:
            after = {key: waits - {key} for key, waits in after.items()}
        assert not runs_to_its_end(after)
    else:
        assert runs_to_its_end({spec.key: set(spec.after) for spec in plan.steps})
        joined = with_join(plan)
        check(joined)
        assert runs_to_its_end({spec.key: set(spec.after) for spec in joined.steps})


def runs_to_its_end(after: dict[str, set[str]]) -> bool:
    """Whether every step has its turn, one after the other."""
    done: set[str] = set()
    while ready := {key for key, waits in after.items() if key not in done and waits <= done}:
        done |= ready
    return done == set(after)


@given(st.text(max_size=400))
def test_nothing_that_a_model_says_is_an_exception(text: str) -> None:
    for said in (text, "{" * 5000 + text, f'{{"steps": [{json.dumps(text)}]}}', f'{{"steps": {text}}}'):
        try:
            check(read_plan(said, LIMITS))
        except BadPlan as error:
            assert error.sentence


# copied out


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("Build a shop and put it into ~/projects/shop.", ("~/projects/shop",)),
        ("Save the pages in /srv/www/, then list them (not in /opt/x!)", ("/srv/www", "/opt/x")),
        ('Copy it to "/srv/app", please', ("/srv/app",)),
        ("Read https://example.org/a/b and file:///etc/x and/or src/app.py or ../up or ~other/x", ()),
        ("Put it into my downloads, 3/4 of it, or / or /../etc", ()),
        ("Legt es nach /srv/jürgen/büro", ("/srv/jürgen/büro",)),
        ("保存到 /srv/项目。谢谢", ("/srv/项目",)),
    ],
)
def test_a_text_names_folders_by_their_whole_path(text: str, places: tuple[str, ...]) -> None:
    assert named_places(text) == places


def copying(to: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"key": "out", "title": "Copy out", "copy_to": to, "after": list(after)} | more


def test_a_plan_copies_files_only_to_where_the_task_says() -> None:
    named = PlanLimits(30, 4096, places=("/srv/www",))
    files = step("a", files=["a.py"])
    found = read_plan(answer(files, copying("/srv/www/", "a", inputs=["a.py"])), named).steps[1]
    assert (found.kind, found.to, found.inputs, found.prompt) == ("copy", "/srv/www", ("a.py",), "")
    assert found.goes_outside
    assert read_plan(answer(files, copying("/srv/www/shop", "a")), named).steps[1].to == "/srv/www/shop"
    for to in ("/etc", "/srv", "/srv/www/../../etc", "/srv/wwwevil", "~", "www", "/"):
        with pytest.raises(BadPlan, match="the folders that the task names: /srv/www"):
            read_plan(answer(files, copying(to, "a")), named)
        with pytest.raises(BadPlan, match="the folders that the task names: none"):
            read_plan(answer(files, copying(to, "a")), LIMITS)
    with pytest.raises(BadPlan, match="no step before out gives a file"):
        read_plan(answer(step("a"), copying("/srv/www", "a")), named)
    assert read(answer(files | {"copy_to": ""}))["a"].kind == StepKind.MODEL


def test_what_copies_is_no_part_of_what_is_joined() -> None:
    named = PlanLimits(30, 4096, places=("/srv/www",))
    steps = (step("a", files=["a.py"]), step("b", files=["b.py"]), copying("/srv/www", "a", "b"))
    found = with_join(read_plan(answer(*steps), named)).steps
    assert (found[-1].key, found[-1].after) == (JOIN_KEY, ("a", "b"))
    alone = read_plan(answer(steps[0], copying("/srv/www", "a")), named)
    assert with_join(alone) == alone


def test_a_planner_is_told_of_copies_only_where_the_task_names_a_folder() -> None:
    silent, _ = plan_messages(PlanQuestion("Build it"), limit=7, room_bytes=20_000)
    told, _ = plan_messages(PlanQuestion("Build it"), limit=7, room_bytes=20_000, places=("/srv/www", "~/x"))
    assert "copy_to" not in silent.text
    assert "asked for them in /srv/www or ~/x" in told.text
    assert "copy_to" not in plan_schema(7)
    form = json.loads(plan_schema(7, ("/srv/www",)))["properties"]["steps"]["items"]["properties"]
    assert form["copy_to"] == {"enum": ["", "/srv/www"]}


def test_the_plan_of_the_demo_can_be_read() -> None:
    plan = with_join(read_plan(DEMO_PLAN, LIMITS))
    assert [spec.key for spec in plan.steps] == ["spec", "data", "api", "login", "routes", JOIN_KEY]
