"""What a model file says of itself, and that no file at all can do more than be refused."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tale_tui.engine.models.files.gguf import Header, NotReadable, check_whole, read_header


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def pair(key: str, kind: int, data: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + data


def string(key: str, value: str | bytes) -> bytes:
    return pair(key, 8, text(value))


def number(key: str, value: int) -> bytes:
    return pair(key, 4, struct.pack("<I", value))


def strings(key: str, *values: str) -> bytes:
    return pair(key, 9, struct.pack("<IQ", 8, len(values)) + b"".join(text(value) for value in values))


def gguf(*pairs: bytes, version: int = 3, count: int | None = None) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, 0, len(pairs) if count is None else count) + b"".join(pairs)


WHOLE = gguf(
    string("general.architecture", "llama"),
    string("general.type", "model"),
    string("general.size_label", "135M"),
    pair("general.tags", 9, struct.pack("<IQ", 4, 3) + bytes(12)),
    number("llama.context_length", 8192),
    pair("llama.rope.freq_base", 6, struct.pack("<f", 10000.0)),
    number("general.file_type", 15),
    strings("tokenizer.ggml.tokens", "a", "b"),
)


@pytest.fixture
def header(tmp_path: Path) -> Any:
    def read(data: bytes) -> Header:
        path = tmp_path / "model.gguf"
        path.write_bytes(data)
        return read_header(path)

    return read


def test_what_a_list_shows_is_read(header: Any) -> None:
    assert header(WHOLE) == Header("llama", "model", "135M", "Q4_K_M", 8192, 1)


def test_the_tables_of_the_tokenizer_are_not_read_when_the_window_is_known(header: Any) -> None:
    broken_behind = gguf(
        string("general.architecture", "llama"), number("llama.context_length", 64), text("tokenizer.x") + b"junk"
    )
    assert header(broken_behind).max_window == 64


def test_a_window_behind_the_tokenizer_is_found(header: Any) -> None:
    late = gguf(
        string("general.architecture", "qwen2"),
        strings("tokenizer.ggml.tokens", "a", "bc"),
        number("qwen2.context_length", 32768),
        number("split.count", 3),
    )
    assert header(late) == Header("qwen2", max_window=32768, parts=3)


def test_what_it_does_not_say_stays_unknown(header: Any) -> None:
    assert header(gguf()) == Header()


def test_names_pass_the_border(header: Any) -> None:
    assert header(gguf(string("general.architecture", "\x1b[2Jlla\nma"))).architecture == "lla ma"


def test_a_value_that_is_too_long_to_be_a_name_is_left_out(header: Any) -> None:
    long = gguf(string("general.size_label", "x" * 70_000), string("general.architecture", "llama"))
    assert header(long) == Header("llama")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html>", "it is not a GGUF file"),
        (b"GGUF", "it breaks off in its header"),
        (gguf(version=1), "it is of a version of GGUF that is not known here"),
        (gguf(version=9), "it is of a version of GGUF that is not known here"),
        (gguf(count=10**12), "its header makes no sense"),
        (gguf(pair("x", 99, b"")), "its header makes no sense"),
        (gguf(pair("x", 9, struct.pack("<IQ", 9, 1))), "its header makes no sense"),
        (gguf(pair("x", 9, struct.pack("<IQ", 4, 10**15))), "it breaks off in its header"),
        (gguf(struct.pack("<Q", 2**63) + b"x"), "it breaks off in its header"),
    ],
)
def test_what_cannot_be_read_says_why(header: Any, data: bytes, why: str) -> None:
    with pytest.raises(NotReadable, match=why):
        header(data)


@pytest.mark.parametrize("length", range(4, len(WHOLE) - 40))
def test_cut_anywhere_before_the_tokenizer_it_breaks_off(header: Any, length: int) -> None:
    with pytest.raises(NotReadable):
        header(WHOLE[:length])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.integers(4, len(WHOLE) - 1), what=st.binary(min_size=1, max_size=8))
def test_damage_is_refused_or_read_and_nothing_else(header: Any, where: int, what: bytes) -> None:
    try:
        found = header(WHOLE[:where] + what + WHOLE[where + len(what) :])
    except NotReadable:
        return
    assert isinstance(found, Header)


def test_a_missing_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_header(tmp_path / "none.gguf")


LLAMA = (string("general.architecture", "llama"), number("llama.context_length", 8192), number("llama.block_count", 30))
HEADS = (number("llama.embedding_length", 576), number("llama.attention.head_count", 9))


@pytest.mark.parametrize(
    ("more", "kibibytes_a_token"),
    [
        ((*HEADS, number("llama.attention.head_count_kv", 3)), 22.5),
        (HEADS, 67.5),
        (
            (
                *HEADS,
                number("llama.attention.head_count_kv", 3),
                number("llama.attention.key_length", 128),
                number("llama.attention.value_length", 32),
            ),
            28.125,
        ),
        ((), 0),
    ],
)
def test_what_a_window_takes_in_memory_is_told_by_the_header(
    header: Any, more: tuple[bytes, ...], kibibytes_a_token: float
) -> None:
    assert header(gguf(*LLAMA, *more)).cache_bytes(2048) == kibibytes_a_token * 1024 * 2048


def tensor(name: str, kind: int, offset: int, *shape: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def with_tensors(*tensors: bytes, data: int, alignment: int = 32) -> bytes:
    pairs = (strings("tokenizer.ggml.tokens", "a"), number("general.alignment", alignment))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join((*pairs, *tensors))
    return head + bytes(-len(head) % alignment + data)


TENSORS = (tensor("a", 3, 0, 32, 4), tensor("b", 0, 96, 8))
"""Four blocks of Q4_1 (20 bytes each), and eight floats behind them: 128 bytes."""


@pytest.mark.parametrize("alignment", [32, 64])
def test_a_file_with_all_of_its_tensors_is_whole(tmp_path: Path, alignment: int) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(with_tensors(*TENSORS, data=128, alignment=alignment))
    check_whole(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(NotReadable, match="did not come to its end"):
        check_whole(path)


def test_of_a_type_that_is_not_known_only_the_beginning_is_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(with_tensors(*TENSORS, tensor("c", 99, 128, 4096), data=128))
    check_whole(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(NotReadable):
        check_whole(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.integers(0, 200), what=st.binary(min_size=1, max_size=8))
def test_a_damaged_list_of_tensors_is_refused_or_read_and_nothing_else(tmp_path: Path, where: int, what: bytes) -> None:
    data = with_tensors(*TENSORS, data=128)
    path = tmp_path / "model.gguf"
    path.write_bytes(data[:where] + what + data[where + len(what) :])
    try:
        check_whole(path)
    except NotReadable:
        return
