"""What the machine offers a model: never all cores, never all memory, and a reason where it cannot run at all."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from tale_tui.domain.models import Role
from tale_tui.engine.models import machine


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Eight physical cores of sixteen threads, no container. Returns the folder of the control group."""
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 16 if logical else 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)), raising=False)
    monkeypatch.setattr(machine, "CONTROL_GROUP", tmp_path)
    return tmp_path


@pytest.mark.usefixtures("eight_cores")
@pytest.mark.parametrize(("setting", "threads"), [(1, 1), (5, 5), (8, 7), (256, 7)])
def test_one_core_stays_free_whatever_is_set(setting: int, threads: int) -> None:
    assert [machine.thread_count(setting, role) for role in Role] == [threads, threads]


@pytest.mark.usefixtures("eight_cores")
def test_the_roles_divide_what_is_left() -> None:
    assert [machine.thread_count(0, role) for role in (Role.UX, Role.TASK)] == [4, 3]


@pytest.mark.parametrize(
    ("quota", "threads"),
    [("max 100000", 7), ("300000 100000", 2), ("250000 100000", 1), ("50000 100000", 1), ("nonsense", 7), ("", 7)],
)
def test_the_quota_of_a_container_counts(eight_cores: Path, quota: str, threads: int) -> None:
    (eight_cores / "cpu.max").write_text(quota)
    assert machine.thread_count(256, Role.UX) == threads


@pytest.mark.usefixtures("eight_cores")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_processors_that_are_not_ours_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2})
    assert machine.thread_count(256, Role.UX) == 2


@pytest.mark.usefixtures("eight_cores")
def test_one_core_is_enough_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0}, raising=False)
    assert [machine.thread_count(0, role) for role in Role] == [1, 1]
    assert machine.thread_count(64, Role.UX) == 1


@pytest.fixture
def ten_gigabytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10_000_000_000))
    monkeypatch.setattr(machine, "CONTROL_GROUP", tmp_path)
    return tmp_path


@pytest.mark.usefixtures("ten_gigabytes")
def test_a_share_of_free_memory_is_allowed_and_the_file_on_top() -> None:
    assert machine.memory_limit(0, 5) == 8_000_000_005


@pytest.mark.usefixtures("ten_gigabytes")
def test_the_setting_is_the_limit() -> None:
    assert machine.memory_limit(1.5, 5) == 1_500_000_000


def test_the_memory_of_a_container_counts(ten_gigabytes: Path) -> None:
    (ten_gigabytes / "memory.max").write_text("6000000000")
    (ten_gigabytes / "memory.current").write_text("1000000000")
    assert machine.memory_limit(0, 0) == 4_000_000_000


def test_a_little_is_always_allowed(ten_gigabytes: Path) -> None:
    (ten_gigabytes / "memory.max").write_text("100")
    (ten_gigabytes / "memory.current").write_text("200")
    assert machine.memory_limit(0, 0) == machine.MEMORY_FLOOR_BYTES


@pytest.fixture
def on_linux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A machine on which all is well. Returns the file that describes its processor."""
    processors = tmp_path / "cpuinfo"
    processors.write_text("processor : 0\nflags\t\t: fpu sse2 avx2 fma f16c bmi2 avx512f\n")
    monkeypatch.setattr(machine, "PROCESSORS", processors)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace(name=name))
    monkeypatch.setattr(machine.ctypes, "CDLL", lambda name: SimpleNamespace())
    machine.why_not_here.cache_clear()
    yield processors
    machine.why_not_here.cache_clear()


@pytest.mark.usefixtures("on_linux")
def test_nothing_is_in_the_way() -> None:
    assert machine.why_not_here() == ""


@pytest.mark.usefixtures("on_linux")
def test_a_library_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "Use Ollama" in machine.why_not_here()


@pytest.mark.usefixtures("on_linux")
def test_a_missing_libgomp_is_told_with_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(machine.ctypes, "CDLL", missing)
    assert "libgomp1" in machine.why_not_here()


def test_an_old_processor_is_told(on_linux: Path) -> None:
    on_linux.write_text("flags : fpu sse2 avx\n")
    assert "AVX2" in machine.why_not_here()


def test_a_processor_that_says_nothing_is_tried(on_linux: Path) -> None:
    on_linux.unlink()
    assert machine.why_not_here() == ""


def test_other_processors_need_no_such_instructions(on_linux: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_linux.write_text("flags : none of them\n")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert machine.why_not_here() == ""
