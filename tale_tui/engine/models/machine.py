"""What this machine has to offer a model: cores, memory, the instructions that llama.cpp is built for."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tale_tui.domain.constants import GIGABYTE
from tale_tui.domain.models import Role

GIBIBYTE = 2**30
MEMORY_SHARE = 0.8
"""Of the memory that is free now, what a model may take: the rest is for everybody else."""
MEMORY_FLOOR_BYTES = GIBIBYTE
"""Always allowed: what is free can be misread, and a small model fits nearly anywhere."""
INSTRUCTIONS = ("avx2", "fma", "f16c", "bmi2")
"""What the published builds for x86 use without asking, as /proc/cpuinfo names them."""

CONTROL_GROUP = Path("/sys/fs/cgroup")
PROCESSORS = Path("/proc/cpuinfo")
GPU_DRIVERS = (Path("/proc/driver/nvidia/gpus"), Path("/dev/kfd"))
"""What the drivers of NVIDIA and AMD for computing show on Linux."""

NO_BUILD = (
    "The embedded engine (xllamacpp) is not installed: there is no build of it for this system, or it was removed. "
    "Use Ollama or another server."
)
OLD_PROCESSOR = (
    "This processor is too old for the embedded engine, which needs AVX2, FMA, F16C and BMI2. Use Ollama or another "
    "server."
)
NO_OPENMP = (
    "The embedded engine needs the library libgomp, which is missing. Install the package libgomp1 of your system "
    "(on Fedora libgomp), then start again."
)


@dataclass(frozen=True, slots=True)
class MachineMemory:
    """The memory of this machine, in bytes."""

    free: int
    total: int


def thread_count(setting: int, role: Role) -> int:
    """How many threads the model of a role computes with.

    With as many threads as cores a model gets ten to fifty times slower as soon as anything else runs, because its
    threads wait for each other spinning; with one less it loses little. So a core stays free, and the two roles, which
    may be at work at the same time, divide the others; the larger half is for who is waited for.

    Args:
        setting: what the user set, for each of the two; 0 takes what is best.
        role: whose process it is.
    """
    most = max(1, cores() - 1)
    if setting:
        return min(setting, most)
    return max(1, (most + 1) // 2 if role is Role.UX else most // 2)


def cores() -> int:
    """Physical cores that this process may use, the quota of its container included."""
    import psutil

    counts = [psutil.cpu_count(logical=False) or 0, _allowed_processors(), _quota_processors()]
    return min([count for count in counts if count > 0], default=1)


def _allowed_processors() -> int:
    """Processors that the system lets this process run on; 0 where it does not say."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 0


def _quota_processors() -> int:
    """Whole processors that the quota of the control group allows; 0 where there is none."""
    quota, _, period = _control("cpu.max").partition(" ")
    return max(1, int(quota) // int(period)) if quota.isdigit() and period.isdigit() else 0


def _control(name: str) -> str:
    """A value of this process's control group (version 2); empty where there is none."""
    try:
        return (CONTROL_GROUP / name).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def memory_limit(setting_gb: float, file_bytes: int) -> int:
    """The address space that a model's process may take beyond its program, in bytes.

    A window that is too large then fails at once with a message, and does not take the machine down with it.

    Args:
        setting_gb: what the user set, in gigabytes; 0 takes most of what is free now.
        file_bytes: the size of the model's file, which is mapped and counts.
    """
    if setting_gb:
        return int(setting_gb * GIGABYTE)
    return file_bytes + max(int(MEMORY_SHARE * free_memory()), MEMORY_FLOOR_BYTES)


def look_at_memory() -> MachineMemory:
    """The memory of this machine now."""
    import psutil

    return MachineMemory(free_memory(), int(psutil.virtual_memory().total))


def has_gpu() -> bool:
    """Whether there is a GPU with memory of its own, as far as its driver shows that; never on a Mac, which shares."""
    return any(path.exists() for path in GPU_DRIVERS)


def free_memory() -> int:
    """Bytes that are free for programs, the limit of the container included."""
    import psutil

    free = int(psutil.virtual_memory().available)
    limit, used = _control("memory.max"), _control("memory.current")
    return min(free, max(0, int(limit) - int(used))) if limit.isdigit() and used.isdigit() else free


@cache
def why_not_here() -> str:
    """Why llama.cpp cannot run here and what to do, as far as that is known without starting it; else empty."""
    if importlib.util.find_spec("xllamacpp") is None:
        return NO_BUILD
    if sys.platform == "linux":
        if platform.machine() == "x86_64" and not _has_instructions():
            return OLD_PROCESSOR
        if not _has_openmp():
            return NO_OPENMP
    return ""


def _has_instructions() -> bool:
    try:
        processors = PROCESSORS.read_text("utf-8", "replace")
    except OSError:
        return True  # then trying will tell
    flags = next((line for line in processors.splitlines() if line.startswith("flags")), "").split()
    return not flags or all(wanted in flags for wanted in INSTRUCTIONS)


def _has_openmp() -> bool:
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        return False
    return True
