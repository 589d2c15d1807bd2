"""A pty with a terminal emulator behind it, and a clock on everything.

Reading and emulating are apart: every read is stamped when it comes in, and the
emulator (pyte, slow) may run at once ("live", to drive a client) or afterwards
("record", so that it does not steal CPU from the client while it streams). Text
counts as visible from the stamp of the read that completed it, and inside a
synchronized update (mode 2026) only from the read that ends the update.
"""

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time

import psutil
import pyte

now = time.monotonic
ROWS, COLS, CW, CH = 40, 120, 9, 18

# What pyte would print as text or choke on.
_STRIP = re.compile(
    rb"\x1b\[[<=>][0-9;:]*[A-Za-z]"  # kitty keyboard push/pop, DA2, xtmodkeys
    rb"|\x1b\[\??[0-9;]*[$ '\"!#][A-Za-z]"  # DECRQM, DECSCUSR, DECSTR ...
    rb"|\x1b\[[0-9;]*[tu]"  # window ops, restore cursor (CSI u)
    rb"|\x1b[_P^X][^\x1b]*\x1b\\"  # APC, DCS, PM, SOS
    rb"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)",  # OSC
    re.S,
)
_SGR_COLON = re.compile(rb"\x1b\[[0-9;]*:[0-9;:]*m")
_PARTIAL = re.compile(rb"\x1b(?:\[[0-9;:<=>?$ '\"!#]*|[_P^X\]][^\x07\x1b]*(?:\x1b)?)?$", re.S)
_SYNC = re.compile(rb"\x1b\[\?2026([hl])")

_QUERY = re.compile(
    rb"\x1b\[(?P<da1>0?)c|\x1b\[>(?P<da2>0?)c|\x1b\[=(?P<da3>0?)c|\x1b\[>0?(?P<xtv>q)|\x1b\[(?P<dsr>\??[56])n|\x1b\[\?(?P<scheme>996)n"
    rb"|\x1b\](?P<osc>10|11|12);\?(?:\x07|\x1b\\)|\x1b\]4;(?P<pal>\d+);\?(?:\x07|\x1b\\)"
    rb"|\x1b\[\?(?P<decrqm>\d+)\$p|\x1b\[\?(?P<kitty>u)|\x1b\[(?P<win>1[4689])t|\x1b\[\?(?P<inband>2048)h"
    rb"|\x1bP\+q(?P<tcap>[0-9A-Fa-f;]*)\x1b\\|\x1bP\$q(?P<rqss>[^\x1b]*)\x1b\\",
    re.S,
)

KEYS = {
    "enter": b"\r",
    "tab": b"\t",
    "shift+tab": b"\x1b[Z",
    "escape": b"\x1b",
    "backspace": b"\x7f",
    "space": b" ",
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
    "home": b"\x1b[H",
    "end": b"\x1b[F",
    "delete": b"\x1b[3~",
    "pageup": b"\x1b[5~",
    "pagedown": b"\x1b[6~",
    "alt+enter": b"\x1b\r",
    "f1": b"\x1bOP",
    "f2": b"\x1bOQ",
    "f3": b"\x1bOR",
    "f4": b"\x1bOS",
    "f5": b"\x1b[15~",
    "f10": b"\x1b[21~",
}


def key(name):
    if name in KEYS:
        return KEYS[name]
    if name.startswith("ctrl+") and len(name) == 6:
        return bytes([ord(name[5].upper()) & 0x1F])
    if name.startswith("text:"):
        return name[5:].encode()
    if len(name) == 1:
        return name.encode()
    raise ValueError(name)


class Emulator:
    """pyte, fed by reads, with the rows' text kept for searching."""

    def __init__(self):
        self.screen = pyte.Screen(COLS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.tail = b""
        self.sync = False
        self.rows = [""] * ROWS
        self.pending = set()

    def feed(self, data):
        """Feed one read; return the set of rows that changed and are shown."""
        data = self.tail + data
        m = _PARTIAL.search(data)
        if m and len(data) - m.start() < 65536:
            self.tail, data = data[m.start() :], data[: m.start()]
        else:
            self.tail = b""
        for m in _SYNC.finditer(data):
            self.sync = m.group(1) == b"h"
        data = _SGR_COLON.sub(b"", _STRIP.sub(b"", data))
        try:
            self.stream.feed(data)
        except Exception:  # a sequence that pyte cannot do: drop the read
            self.stream = pyte.ByteStream(self.screen)
        self.pending |= self.screen.dirty
        self.screen.dirty.clear()
        if self.sync or not self.pending:
            return ()
        changed = []
        for y in self.pending:
            if y < ROWS:
                line = self.screen.buffer[y]
                text = "".join(line[x].data for x in range(COLS)) if line else ""
                if text != self.rows[y]:
                    self.rows[y] = text
                    changed.append(y)
        self.pending = set()
        return changed

    def shows(self, text):
        return any(text in r for r in self.rows)

    def text(self):
        return "\n".join(r.rstrip() for r in self.rows)


class Usage:
    """CPU and memory of a process tree, sampled."""

    def __init__(self, pid):
        self.root = psutil.Process(pid)
        self.procs = {pid: self.root}
        self.last = {}
        self.peak = 0
        self.next_scan = 0
        self.nproc = 1

    def sample(self):
        t = now()
        if t >= self.next_scan:
            self.next_scan = t + 0.5
            try:
                for p in self.root.children(recursive=True):
                    self.procs.setdefault(p.pid, p)
            except psutil.Error:
                pass
        rss = 0
        for pid, p in list(self.procs.items()):
            try:
                with p.oneshot():
                    c = p.cpu_times()
                    rss += p.memory_info().rss
                self.last[pid] = c.user + c.system
            except psutil.Error:
                if pid != self.root.pid:
                    del self.procs[pid]  # its time stays in self.last
        self.nproc = max(self.nproc, len(self.procs))
        self.peak = max(self.peak, rss)
        return sum(self.last.values())


class Session:
    def __init__(self, cmd, env, cwd):
        self.chunks, self.sends, self.unanswered = [], [], []
        self.fed = 0
        self.emu = Emulator()
        self.qtail = b""
        self.exit_code = self.t_exit = self.rusage = None
        self.watch = []
        master, slave = os.openpty()
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLS, COLS * CW, ROWS * CH))

        def tty():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.t0 = now()
        self.proc = subprocess.Popen(
            cmd,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=tty,
            close_fds=True,
        )
        os.close(slave)
        os.set_blocking(master, False)
        self.fd = master
        self.usage = Usage(self.proc.pid)
        self.next_sample = 0
        self.eof = False
        self.poller = select.poll()
        self.poller.register(master, select.POLLIN)

    # -- input and output ---------------------------------------------------
    def send(self, data):
        t = now()
        self.sends.append((t, data))
        view = data
        while view:
            try:
                view = view[os.write(self.fd, view) :]
            except BlockingIOError:
                time.sleep(0.001)
        return t

    def press(self, *names):
        t = None
        for n in names:
            if n.startswith("click:"):  # a left click on the first place that shows this text
                self.catch_up()
                x, y = next((r.index(n[6:]) + 2, y + 1) for y, r in enumerate(self.emu.rows) if n[6:] in r)
                t = self.send(b"\x1b[<0;%d;%dM" % (x, y))
                self.pump(0.05)
                self.send(b"\x1b[<0;%d;%dm" % (x, y))
            else:
                t = self.send(key(n))
        return t

    def _answer(self, data):
        buf = self.qtail + data
        end = 0
        for m in _QUERY.finditer(buf):
            if m.end() <= len(self.qtail):
                continue
            end = m.end()
            g = {k: v for k, v in m.groupdict().items() if v is not None}
            k, v = next(iter(g.items()))
            r = b""
            if k == "da1":
                r = b"\x1b[?62;22c"
            elif k == "da2":
                r = b"\x1b[>1;4000;0c"
            elif k == "da3":
                r = b"\x1bP!|00000000\x1b\\"
            elif k == "xtv":
                r = b"\x1bP>|peerbench(1.0)\x1b\\"
            elif k == "dsr":
                if v.endswith(b"5"):
                    r = b"\x1b[0n"
                else:
                    self.catch_up()
                    c = self.emu.screen.cursor
                    r = b"\x1b[%s%d;%dR" % (v[:-1], c.y + 1, c.x + 1)
            elif k == "scheme":
                r = b"\x1b[?997;1n"
            elif k == "osc":
                col = {b"10": b"d0d0/d0d0/d0d0", b"11": b"1010/1212/1818", b"12": b"d0d0/d0d0/d0d0"}[v]
                r = b"\x1b]%s;rgb:%s\x1b\\" % (v, col)
            elif k == "pal":
                r = b"\x1b]4;%s;rgb:8080/8080/8080\x1b\\" % v
            elif k == "decrqm":
                r = b"\x1b[?%s;%d$y" % (v, 2 if v in (b"2026", b"2048", b"2004", b"1004", b"1006", b"25") else 0)
            elif k == "kitty":
                r = b"\x1b[?0u"
            elif k == "win":
                r = {
                    b"14": b"\x1b[4;%d;%dt" % (ROWS * CH, COLS * CW),
                    b"16": b"\x1b[6;%d;%dt" % (CH, CW),
                    b"18": b"\x1b[8;%d;%dt" % (ROWS, COLS),
                    b"19": b"\x1b[9;%d;%dt" % (ROWS, COLS),
                }[v]
            elif k == "inband":
                r = b"\x1b[48;%d;%d;%d;%dt" % (ROWS, COLS, ROWS * CH, COLS * CW)
            elif k == "tcap":
                r = b"\x1bP0+r\x1b\\"
            elif k == "rqss":
                r = b"\x1bP0$r\x1b\\"
            if r:
                self.unanswered.append((now(), m.group(0)))
                with contextlib.suppress(OSError):
                    os.write(self.fd, r)
        self.qtail = buf[max(end, len(buf) - 64) :]

    def reap(self):
        if self.exit_code is None:
            pid, status, ru = os.wait4(self.proc.pid, os.WNOHANG)
            if pid:
                self.t_exit = now()
                self.exit_code = self.proc.returncode = os.waitstatus_to_exitcode(status)
                self.rusage = ru
        return self.exit_code is not None

    def _read(self):
        got = False
        for _ in range(64):
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                break
            except OSError:
                self.eof = True
                break
            if not data:
                self.eof = True
                break
            self.chunks.append((now(), data))
            got = True
            if b"\x1b" in data or self.qtail:
                self._answer(data)
        return got

    def catch_up(self, limit=None):
        """Feed what was read but not emulated; call every watcher on each change."""
        n = len(self.chunks) if limit is None else min(limit, len(self.chunks))
        while self.fed < n:
            t, data = self.chunks[self.fed]
            self.fed += 1
            changed = self.emu.feed(data)
            if changed:
                for w in self.watch:
                    w(t, changed, self.emu)

    def pump(self, timeout, until=None, live=True, actions=(), quiet=None):
        """Read until `until()` is true, the timeout, or `quiet` seconds without output.

        actions: [(monotonic time, bytes, callback)] sent when due.
        """
        end = now() + timeout
        actions = sorted(actions, key=lambda a: a[0])
        ai = 0
        last_out = now()
        while True:
            t = now()
            while ai < len(actions) and actions[ai][0] <= t:
                ts = self.send(actions[ai][1])
                if actions[ai][2]:
                    actions[ai][2](ts)
                ai += 1
            if t >= self.next_sample:
                self.usage.sample()
                self.next_sample = t + 0.2
            if live:
                self.catch_up()
            if until and until():
                return True
            if t >= end:
                return False
            if quiet is not None and t - last_out >= quiet:
                return False
            if self.eof:
                if self.reap():
                    return bool(until and until())
                time.sleep(0.002)
                continue
            wake = min(end, self.next_sample, actions[ai][0] if ai < len(actions) else end)
            self.poller.poll(max(0, min(20, (wake - now()) * 1000)))
            if self._read():
                last_out = now()

    def echo_on(self):
        try:
            return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)
        except termios.error:
            return True

    def wait_exit(self, timeout):
        end = now() + timeout
        while now() < end:
            if not self.eof:
                self.poller.poll(5)
                self._read()
            else:
                time.sleep(0.001)
            if self.reap():
                return True
        return False

    def close(self):
        """End this client and what it started, by pid."""
        kids = []
        if self.exit_code is None:
            with contextlib.suppress(psutil.Error):
                kids = psutil.Process(self.proc.pid).children(recursive=True)
            for sig in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.kill(self.proc.pid, sig)
                except ProcessLookupError:
                    break
                if self.wait_exit(2):
                    break
        for p in kids:
            with contextlib.suppress(psutil.Error):
                p.kill()
        with contextlib.suppress(OSError):
            os.close(self.fd)
