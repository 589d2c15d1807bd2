import inspect
from types import UnionType
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tale_tui.domain import errors
from tale_tui.engine.ipc.codec import (
    GROUPS,
    NOT_UNDERSTOOD,
    api_method,
    from_line,
    is_api_method,
    pack_error,
    to_line,
    unpack_error,
)
from tale_tui.engine.ipc.remote import read_field

NAMES = sorted(
    f"{group}.{name}" for group, api in GROUPS.items() for name in dir(api) if is_api_method(f"{group}.{name}")
)


def described(name: str) -> Any:
    group, _, method = name.partition(".")
    return getattr(GROUPS[group], method)


def plain_text() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


st.register_type_strategy(str, plain_text())
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


def result_types(name: str) -> tuple[object, ...]:
    result = get_type_hints(described(name))["return"]
    if not api_method(name).streams:
        return (result,)
    item = get_args(result)[0]
    return get_args(item) if isinstance(item, UnionType) else (item,)


def test_every_public_name_of_the_protocol_is_a_verb() -> None:
    assert {"chat.send", "control.watch", "sessions.list", "control.doctor"} <= set(NAMES)
    assert all(inspect.isfunction(described(name)) for name in NAMES)
    for name in ("tasks._private", "tasks.__init__", "tasks.mro", "tasks", "tasks.", "send", "nobody.send", "mro", ""):
        assert not is_api_method(name)


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_a_verb_gives_comes_back_equal(name: str, data: st.DataObject) -> None:
    spec = api_method(name)
    for kind in result_types(name):
        value = data.draw(st.from_type(kind))  # type: ignore[arg-type]  # unions and tuples work as well
        line = to_line({"v": spec.pack(value)})
        assert line.count(b"\n") == 1
        assert spec.unpack(from_line(line)["v"]) == value


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_a_verb_takes_comes_back_equal(name: str, data: st.DataObject) -> None:
    spec = api_method(name)
    hints = get_type_hints(described(name))
    hints.pop("return")
    args = {key: data.draw(st.from_type(hint)) for key, hint in hints.items()}
    line = to_line(spec.pack_args((), args))
    assert spec.unpack_args(from_line(line)) == args


def test_an_argument_that_the_verb_does_not_take_is_refused() -> None:
    with pytest.raises(ValueError, match="does not take path"):
        api_method("sessions.list").unpack_args({"path": "/etc"})
    with pytest.raises(ValueError, match="int"):
        api_method("sessions.list").unpack_args({"limit": "many"})


def test_an_argument_that_the_verb_needs_is_missed() -> None:
    with pytest.raises(ValueError, match=r"chat\.send does not work without key, session_id"):
        api_method("chat.send").unpack_args({"text": "Hi"})


def test_half_a_pair_of_surrogates_goes_over_the_link() -> None:
    assert from_line(to_line({"a": "\ud800é"})) == {"a": "\ud800é"}


def test_a_name_that_is_no_verb_is_refused() -> None:
    with pytest.raises(KeyError):
        api_method("tasks.stop")


def test_an_error_keeps_its_class_and_sentence() -> None:
    back = unpack_error(pack_error(errors.ContextFull("9 of 8")))
    assert type(back) is errors.ContextFull
    assert back.sentence == "9 of 8"
    assert type(unpack_error(["unheard of", "x"])) is errors.TaleError


def test_a_line_that_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match="not a JSON object"):
        from_line(b"[1]\n")


def test_what_is_not_understood_is_a_fixed_sentence_and_the_reason_is_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(errors.EngineLost) as caught:
        read_field(api_method("sessions.list").unpack, {"result": "no list"}, "result")
    assert caught.value.sentence == NOT_UNDERSTOOD
    assert "the result of a call" in caplog.text
    assert "validation error" in caplog.text
    assert unpack_error("nonsense").sentence == NOT_UNDERSTOOD
