import inspect
from types import UnionType
from typing import get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tale_tui.engine import errors
from tale_tui.engine.link.codec import from_line, is_verb, pack_error, to_line, unpack_error, verb
from tale_tui.engine.verbs import Verbs

NAMES = sorted(name for name in dir(Verbs) if is_verb(name))


def plain_text() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


st.register_type_strategy(str, plain_text())
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


def result_types(name: str) -> tuple[object, ...]:
    result = get_type_hints(getattr(Verbs, name))["return"]
    if not verb(name).streams:
        return (result,)
    item = get_args(result)[0]
    return get_args(item) if isinstance(item, UnionType) else (item,)


def test_every_public_name_of_the_protocol_is_a_verb() -> None:
    assert {"send", "watch", "sessions", "doctor"} <= set(NAMES)
    assert all(inspect.isfunction(getattr(Verbs, name)) for name in NAMES)
    assert not is_verb("_private")
    assert not is_verb("__init__")
    assert not is_verb("mro")


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_a_verb_gives_comes_back_equal(name: str, data: st.DataObject) -> None:
    spec = verb(name)
    for kind in result_types(name):
        value = data.draw(st.from_type(kind))  # type: ignore[arg-type]  # unions and tuples work as well
        line = to_line({"v": spec.pack(value)})
        assert line.count(b"\n") == 1
        assert spec.unpack(from_line(line)["v"]) == value


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_a_verb_takes_comes_back_equal(name: str, data: st.DataObject) -> None:
    spec = verb(name)
    hints = get_type_hints(getattr(Verbs, name))
    hints.pop("return")
    args = {key: data.draw(st.from_type(hint)) for key, hint in hints.items()}
    line = to_line(spec.pack_args((), args))
    assert spec.unpack_args(from_line(line)) == args


def test_an_argument_that_the_verb_does_not_take_is_refused() -> None:
    with pytest.raises(ValueError, match="does not take path"):
        verb("sessions").unpack_args({"path": "/etc"})
    with pytest.raises(ValueError, match="int"):
        verb("sessions").unpack_args({"limit": "many"})


def test_a_name_that_is_no_verb_is_refused() -> None:
    with pytest.raises(KeyError):
        verb("stop")


def test_an_error_keeps_its_class_and_sentence() -> None:
    back = unpack_error(pack_error(errors.ContextFull("9 of 8")))
    assert type(back) is errors.ContextFull
    assert back.sentence == "9 of 8"
    assert type(unpack_error(["unheard of", "x"])) is errors.TaleError


def test_a_line_that_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match="not a JSON object"):
        from_line(b"[1]\n")
