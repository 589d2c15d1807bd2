"""What the system says of this machine, of this process and of those that models run in. Read in a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tale_tui.domain.constants import MEGABYTE

if TYPE_CHECKING:
    import psutil

PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class ProcessReading:
    """A process at one moment. Percents are of one core, since the last reading."""

    memory_bytes: int | None = None
    cpu_percent: float | None = None
    disk_mb_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class GaugeReading:
    """The machine and some processes at one moment. None is what cannot be read, or was read for the first time."""

    own: ProcessReading = ProcessReading()
    machine_cpu_percent: float | None = None
    machine_free_mb: float | None = None
    machine_disk_mb_per_second: float | None = None
    machine_network_mb_per_second: float | None = None
    processes: dict[int, ProcessReading] = field(default_factory=dict)
    """By their ids; those that cannot be read are left out."""


class CounterRates:
    """Makes a number a second out of counters that only grow.

    Args:
        monotonic: the clock, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._last: dict[str, tuple[float, float]] = {}

    def rate(self, name: str, total: float) -> float | None:
        """What a counter grew by a second since its last reading; None at the first, and where it began anew."""
        now = self._monotonic()
        at, before = self._last.get(name, (now, total))
        self._last[name] = (now, total)
        return (total - before) / (now - at) if now > at and total >= before else None

    def forget(self) -> None:
        """What is read next is compared with nothing."""
        self._last.clear()


class GaugeReader:
    """Reads them, by psutil. Used by one thread at a time.

    Args:
        monotonic: the clock, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._rates = CounterRates(monotonic)

    def prime(self) -> None:
        """Begin anew: the next reading tells of the time since now."""
        self._rates.forget()
        self.read()

    def read(self, pids: Iterable[int] = ()) -> GaugeReading:
        """How all is now.

        Args:
            pids: of the processes that are wanted beside this one.
        """
        # Loaded when the first sample is taken: the first frame does without.
        import psutil

        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        busy_s = sum(times) - idle - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        used = self._rates.rate("machine cpu", busy_s)
        disk, network = psutil.disk_io_counters(), psutil.net_io_counters()
        own = self._process(psutil.Process())
        return GaugeReading(
            own or ProcessReading(),
            None if used is None else min(PERCENT * used / (psutil.cpu_count() or 1), PERCENT),
            psutil.virtual_memory().available / MEGABYTE,
            None if disk is None else self._megabytes("machine disk", disk.read_bytes + disk.write_bytes),
            self._megabytes("machine network", network.bytes_sent + network.bytes_recv),
            {pid: found for pid in pids if (found := self._of(pid)) is not None},
        )

    def _of(self, pid: int) -> ProcessReading | None:
        import psutil

        try:
            return self._process(psutil.Process(pid))
        except psutil.NoSuchProcess:  # it ended meanwhile
            return None

    def _process(self, process: psutil.Process) -> ProcessReading | None:
        import psutil

        try:
            with process.oneshot():
                spent, memory = process.cpu_times(), process.memory_info().rss
        except psutil.Error:  # ended, or not ours to look at
            return None
        used = self._rates.rate(f"cpu {process.pid}", spent.user + spent.system)
        try:
            disk = process.io_counters()
        except (psutil.Error, AttributeError, OSError):  # macOS does not count, and of others one may not know
            return ProcessReading(memory, None if used is None else PERCENT * used)
        moved = self._megabytes(f"disk {process.pid}", disk.read_bytes + disk.write_bytes)
        return ProcessReading(memory, None if used is None else PERCENT * used, moved)

    def _megabytes(self, name: str, total: float) -> float | None:
        rate = self._rates.rate(name, total)
        return None if rate is None else rate / MEGABYTE


def ollama_runners() -> tuple[int, ...]:
    """The processes in which an Ollama on this machine runs models, as far as the system shows them.

    It takes some milliseconds, as all processes are looked through.
    """
    import psutil

    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        words = process.info["cmdline"] or ()
        if "ollama" in (process.info["name"] or "") and "runner" in words:
            found.append(process.pid)
    return tuple(found)
