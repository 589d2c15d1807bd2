"""Processes of our own modules: what they get, how they end, and that starting one loads little."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

import pytest

from tale_tui.engine.child_process import end_process, environment_without_keys, module_command


def test_keys_stay_here_and_the_rest_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TALE_OPENAI_KEY", "OLLAMA_API_KEY", "Some_Api_Key", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("KEYBOARD", "us")
    environment = environment_without_keys()
    assert "secret" not in environment.values()
    assert environment["KEYBOARD"] == "us"
    assert os.environ["TALE_OPENAI_KEY"] == "secret"


def test_a_module_is_run_without_the_folder_where_the_user_is() -> None:
    assert module_command("a.b", ("c",)) == [sys.executable, "-P", "-m", "a.b", "c"]


@pytest.mark.process
async def test_a_process_is_gone_when_it_was_ended_and_may_have_ended_by_itself() -> None:
    sleeping = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)")
    await end_process(sleeping)
    assert sleeping.returncode != 0
    done = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await done.wait()
    await end_process(done)
    assert done.returncode == 0


@pytest.mark.process
def test_a_child_that_lowers_its_priority_loads_little_for_that() -> None:
    program = (
        "import json, os, sys\n"
        "from tale_tui.engine.child_process import lower_priority\n"
        "before = os.nice(0)\n"
        "lower_priority(3)\n"
        "print(json.dumps([os.nice(0) - before, sorted(sys.modules)]))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment, timeout=60
    )
    lowered, modules = json.loads(done.stdout)
    assert lowered == 3
    assert not {"asyncio", "logging", "subprocess", "pydantic"} & set(modules)
