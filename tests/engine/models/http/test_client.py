"""Lines of a stream however they were cut, limits of time, keys, and connections that end when they should."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.config.settings import LimitSettings
from tale_tui.domain import errors
from tale_tui.engine.models.http import client as client_module
from tale_tui.engine.models.http.address import ollama_address
from tale_tui.engine.models.http.client import ModelServerClient, ResponseLines
from tale_tui.engine.models.server_errors import ServerDescription
from tale_tui.engine.models.traffic import Traffic

SERVER = ServerDescription("Ollama", "http://here", "Start it.", "Set a key.", "Get {model}.")
FAST = LimitSettings(connect_s=5, first_token_s=5, silence_s=5)


def client_of(url: str, limits: LimitSettings = FAST, key: str = "") -> ModelServerClient:
    return ModelServerClient(ollama_address(url), SERVER, limits, key, Traffic())


async def chunks_of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def all_lines(pieces: list[bytes]) -> list[bytes]:
    lines = ResponseLines(chunks_of(*pieces), SERVER, FAST)
    found = []
    while (line := await lines.next()) is not None:
        found.append(line)
    return found


@pytest.mark.parametrize(
    ("whole", "lines"),
    [
        (b"", []),
        (b"one\ntwo\r\n\nthree", [b"one", b"two", b"", b"three"]),
        (b"\n", [b""]),
        ('{"a": "Grüße 👩‍👩‍👧"}\n'.encode(), ['{"a": "Grüße 👩‍👩‍👧"}'.encode()]),
    ],
)
async def test_lines(whole: bytes, lines: list[bytes]) -> None:
    assert await all_lines([whole]) == lines
    assert await all_lines([bytes([byte]) for byte in whole]) == lines


@given(
    whole=st.text("ab\n\rü😀", max_size=40).map(str.encode),
    cuts=st.lists(st.integers(1, 90), max_size=8, unique=True).map(sorted),
)
def test_where_the_pieces_are_cut_does_not_matter(whole: bytes, cuts: list[int]) -> None:
    models_by_backend = [0, *(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(models_by_backend) if start < end]
    expected = [line.rstrip(b"\r") for line in whole.split(b"\n")]
    if not whole or whole.endswith(b"\n"):
        expected.pop()
    assert asyncio.run(all_lines(pieces)) == expected


async def test_an_endless_line_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "STREAM_LINE_BYTES_MAX", 100)
    with pytest.raises(errors.BrokenStream):
        await all_lines([b"x" * 60] * 3)


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        ([], "took the request and then said nothing for 0.05 s"),
        ([False], "took the request and then said nothing for 0.05 s"),
        ([False, True], "fell silent in the middle of the answer, for 0.02 s"),
        ([True, False], "fell silent in the middle of the answer, for 0.02 s"),
    ],
)
async def test_silence_ends_in_the_limit_for_where_it_falls(heard: list[bool], words: str) -> None:
    limits = LimitSettings(first_token_s=0.05, silence_s=0.02)

    async def then_silence() -> AsyncIterator[bytes]:
        for _ in heard:
            yield b"x\n"
        await asyncio.Event().wait()

    lines = ResponseLines(then_silence(), SERVER, limits)
    for speaking in heard:
        assert await lines.next() == b"x"
        lines.extend_limit(speaking=speaking)
    with pytest.raises(errors.TimedOut) as raised:
        await lines.next()
    assert words in raised.value.sentence


async def test_lines_that_say_nothing_do_not_hold_the_limit_open() -> None:
    limits = LimitSettings(first_token_s=0.05, silence_s=0.05)

    async def comments() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.01)
            yield b": still here\n"

    lines = ResponseLines(comments(), SERVER, limits)

    async def read_on() -> None:
        while True:
            await lines.next()

    with pytest.raises(errors.TimedOut):
        await read_on()


async def test_the_time_that_the_reader_takes_does_not_count() -> None:
    limits = LimitSettings(first_token_s=5, silence_s=0.02)
    lines = ResponseLines(chunks_of(b"one\n", b"two\n"), SERVER, limits)
    assert await lines.next() == b"one"
    lines.extend_limit(speaking=True)
    await asyncio.sleep(0.05)
    assert await lines.next() == b"two"


async def test_an_answer_without_end_is_no_answer(replay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ANSWER_BYTES_MAX", 10)
    replay.say("/x", [b"y" * 8] * 3, end="hold")
    client = client_of(replay.url)
    with pytest.raises(errors.Refused):
        await client.ask("POST", f"{replay.url}/x", {})
    await client.close()


async def test_a_question_and_its_answer(replay: Any) -> None:
    replay.say("/x", {"a": 1})
    client = client_of(replay.url)
    assert await client.ask("POST", f"{replay.url}/x", {"b": "ü"}) == {"a": 1}
    assert replay.asked[0].body == {"b": "ü"}
    assert replay.asked[0].headers["user-agent"].startswith("tale-tui/")
    await client.close()
    await client.close()


async def test_connections_are_used_again(replay: Any) -> None:
    replay.say("/x", {"a": 1})
    client = client_of(replay.url)
    for _ in range(3):
        await client.ask("POST", f"{replay.url}/x", {})
    assert replay.connections == 1
    await client.close()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"body": "<html>"}, "refused"),
        ({"body": "[1]"}, "refused"),
        ({"body": {"error": "model 'x' not found"}}, "not_found"),
        ({"body": "", "status": 503}, "unreachable"),
        ({"body": "", "status": 302, "headers": {"location": "http://elsewhere"}}, "refused"),
        ({"body": b"\xff\xfe", "status": 500}, "refused"),
        ({"body": '{"a":', "end": "cut"}, "broken_stream"),
    ],
)
async def test_answers_that_are_none(replay: Any, said: dict[str, Any], code: str) -> None:
    replay.say("/x", **said)
    client = client_of(replay.url)
    with pytest.raises(errors.ModelError) as raised:
        await client.ask("POST", f"{replay.url}/x", {})
    assert raised.value.code == code
    await client.close()


async def test_a_page_instead_of_an_answer_is_read_in_part_only(replay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ERROR_BODY_BYTES_MAX", 10)
    replay.say("/x", [b"y" * 8] * 100, status=500, end="hold")
    client = client_of(replay.url)
    with pytest.raises(errors.Refused):
        await client.ask("POST", f"{replay.url}/x", {})
    await asyncio.wait_for(replay.client_left.wait(), 5)
    await client.close()


async def test_a_server_that_accepts_and_stays_silent(replay: Any) -> None:
    replay.say("/x", "", before=asyncio.Event())
    client = client_of(replay.url, LimitSettings(first_token_s=0.05))
    with pytest.raises(errors.TimedOut) as raised:
        async with client.stream(f"{replay.url}/x", {}, "m"):
            pytest.fail("nothing was said")
    assert "said nothing for 0.05 s" in raised.value.sentence
    with pytest.raises(errors.TimedOut) as raised:
        await client.ask("POST", f"{replay.url}/x", {}, limit_s=None)
    assert "said nothing for 0.05 s" in raised.value.sentence
    with pytest.raises(errors.TimedOut) as raised:
        await client.ask("POST", f"{replay.url}/x", {}, limit_s=0.02)
    assert "within 0.02 s" in raised.value.sentence
    await client.close()


@pytest.mark.parametrize("end", ["hold", "cut"])
async def test_a_refusal_is_told_though_its_words_do_not_come(
    end: str, replay: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "ERROR_BODY_TIMEOUT_S", 0.05)
    replay.say("/x", "server bu", status=503, end=end)
    client = client_of(replay.url)
    with pytest.raises(errors.Unreachable):
        await client.ask("POST", f"{replay.url}/x", {})
    await client.close()


async def test_a_connection_that_is_not_taken() -> None:
    # A listener whose queue is full lets further connections wait.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            client = client_of(f"http://127.0.0.1:{port}", LimitSettings(connect_s=0.05))
            with pytest.raises(errors.TimedOut) as raised:
                await client.ask("GET", f"http://127.0.0.1:{port}/x")
            assert "did not take the connection" in raised.value.sentence
            await client.close()
        finally:
            for one in waiting:
                one.close()


async def test_nothing_answers() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        client = client_of(url)
        with pytest.raises(errors.Unreachable):
            await client.ask("GET", f"{url}/x")
        with pytest.raises(errors.Unreachable):
            async with client.stream(f"{url}/x", {}, "m"):
                pytest.fail("nobody is there")
        await client.close()


async def test_leaving_a_stream_hangs_up(replay: Any) -> None:
    replay.say("/x", "one\n", end="hold")
    client = client_of(replay.url)
    async with client.stream(f"{replay.url}/x", {}, "m") as lines:
        assert await lines.next() == b"one"
    await asyncio.wait_for(replay.client_left.wait(), 5)
    await client.close()


async def test_an_answer_that_does_not_end_is_not_drained_for_long(replay: Any) -> None:
    replay.say("/x", "one\n", end="hold")
    client = client_of(replay.url)
    async with client.stream(f"{replay.url}/x", {}, "m") as lines:
        assert await lines.next() == b"one"
        await lines.drain()
    await asyncio.wait_for(replay.client_left.wait(), 5)
    await client.close()


async def test_a_key_is_sent_and_nothing_else_is(replay: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    replay.say("/x", {})
    for key in ("", "geheim"):
        client = client_of(replay.url, key=key)
        await client.ask("POST", f"{replay.url}/x", {})
        await client.close()
    assert [asked.headers.get("authorization") for asked in replay.asked] == [None, "Bearer geheim"]


async def test_no_proxy_stands_before_this_machine(replay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    replay.say("/x", {"a": 1})
    client = client_of(replay.url)
    assert await client.ask("POST", f"{replay.url}/x", {}) == {"a": 1}
    await client.close()


def test_a_client_reads_no_environment_by_itself() -> None:
    options = client_of("https://example.com").options
    assert options["trust_env"] is False
    assert options["timeout"] == httpx.Timeout(None, connect=5)


async def test_what_is_sent_and_received_is_counted(replay: Any) -> None:
    replay.say("/x", '{"a": 1}', method="GET")
    replay.say("/lines", "one\ntwo\n")
    traffic = Traffic()
    client = ModelServerClient(ollama_address(replay.url), SERVER, FAST, "", traffic)
    await client.ask("GET", f"{replay.url}/x")
    assert (traffic.sent, traffic.received) == (0, len('{"a": 1}'))
    async with client.stream(f"{replay.url}/lines", {"b": 22}, "m") as lines:
        while await lines.next() is not None:
            pass
    assert (traffic.sent, traffic.received) == (len('{"b":22}'), len('{"a": 1}one\ntwo\n'))
    await client.close()
