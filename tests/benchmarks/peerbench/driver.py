"""Start a client from its config, bring it to its chat input, measure scenarios."""

import bisect
import gc
import itertools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

import psutil

from . import content
from .term import Session, now

HERE = Path(__file__).resolve().parent
PORT = int(os.environ.get("PEERBENCH_PORT", "11555"))
URL = f"http://127.0.0.1:{PORT}"
PEERS = Path(os.environ.get("PEERBENCH_PEERS", str(Path.home() / ".cache/peerbench/peers")))
HOMES = Path(os.environ.get("PEERBENCH_HOMES", str(Path.home() / ".cache/peerbench/homes")))
MARKERS = "zqxjkvwzqxjkvwzqxjkvw"  # typed one by one until one is on the screen
TYPED = "zqxjkvbwpyzxqvkjwbpzyqkxvjwzpbqyxkvzjwqpbx"[:40]
MK = re.compile(r"mk\d{4}")


def http(path, data=None):
    req = urllib.request.Request(
        URL + path,
        data=None if data is None else json.dumps(data).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(req, timeout=30) as r:
        return json.load(r)


class Server:
    def __init__(self):
        import socket

        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                raise SystemExit(f"port {PORT} is taken; set PEERBENCH_PORT")
        self.p = subprocess.Popen([sys.executable, "-m", "peerbench.server", "--port", str(PORT)], cwd=HERE.parent)
        for _ in range(100):
            try:
                http("/api/version")
                break
            except OSError:
                if self.p.poll() is not None:
                    raise SystemExit("fake server did not start")
                import time

                time.sleep(0.1)
        self.ps = psutil.Process(self.p.pid)

    def cpu(self):
        c = self.ps.cpu_times()
        return c.user + c.system

    def stop(self):
        self.p.terminate()
        self.p.wait(5)


class Client:
    def __init__(self, path):
        self.path = Path(path)
        d = tomllib.loads(self.path.read_text())
        self.name = self.path.stem
        self.d = d
        self.venv = PEERS / d.get("venv", self.name)
        self.home = HOMES / self.name
        self.snap = HOMES / (self.name + ".snap")
        self.vars = {"venv": str(self.venv), "home": str(self.home), "here": str(HERE), "url": URL, "port": str(PORT)}
        self.cmd = [self.fill(c) for c in d["cmd"]]
        self.start = d.get("start", {})
        self.input = d.get("input", {})
        self.quit = d.get("quit", {"keys": ["ctrl+q"]})

    def fill(self, s):
        for k, v in self.vars.items():
            s = s.replace("{" + k + "}", v)
        return s

    def env(self):
        e = {
            "PATH": f"{self.venv}/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            "SHELL": "/bin/bash",
            "USER": "root",
            "TMPDIR": "/tmp",
            "OLLAMA_HOST": URL,
            "NO_PROXY": "127.0.0.1,localhost",
            "DO_NOT_TRACK": "1",
        }
        e.update({k: self.fill(v) for k, v in self.d.get("env", {}).items()})
        return e

    def fresh_home(self, from_snap=True):
        shutil.rmtree(self.home, ignore_errors=True)
        if from_snap and self.snap.exists():
            shutil.copytree(self.snap, self.home, symlinks=True)
            return
        self.home.mkdir(parents=True)
        for rel, text in self.d.get("files", {}).items():
            p = self.home / rel
            p.parent.mkdir(parents=True, exist_ok=True)
            p.write_text(self.fill(text))

    def launch(self):
        cwd = self.home / "cwd"
        cwd.mkdir(exist_ok=True)
        return Session(self.cmd, self.env(), str(cwd))

    def version(self):
        out = []
        for pk in self.d.get("packages", []):
            code = f"import importlib.metadata as m; print(m.version({pk!r}))"
            r = subprocess.run([self.venv / "bin/python", "-c", code], capture_output=True, text=True)
            out.append(f"{pk} {r.stdout.strip() or '?'}")
        r = subprocess.run([self.venv / "bin/python", "-V"], capture_output=True, text=True)
        return ", ".join(out) + ", " + r.stdout.strip()


class Stuck(Exception):
    pass


def all_shown(s, texts):
    return all(s.emu.shows(t) for t in texts)


def to_input(c, s, timeout=40):
    """Start -> first byte -> full paint -> (steps) -> a typed marker is on the screen. Times from t0."""
    m = {}
    paint = c.start["paint"]
    when = {}

    def w(t, changed, emu):
        if "paint" not in when and all(emu.shows(x) for x in paint):
            when["paint"] = t

    s.watch.append(w)
    if not s.pump(timeout, until=lambda: "paint" in when):
        raise Stuck("no full paint:\n" + s.emu.text())
    m["first_byte"] = s.chunks[0][0] - s.t0
    m["paint"] = when["paint"] - s.t0
    s.watch.remove(w)
    for step in c.start.get("steps", []):
        if "wait" in step and not s.pump(step.get("timeout", 20), until=lambda: s.emu.shows(step["wait"])):
            raise Stuck(f"step {step}:\n" + s.emu.text())
        if "sleep" in step:
            s.pump(step["sleep"])
        s.press(*step.get("keys", []))
    if c.start.get("steps"):
        last = c.start.get("ready_text")
        if last and not s.pump(20, until=lambda: s.emu.shows(last)):
            raise Stuck("no ready_text:\n" + s.emu.text())
        m["chat_open"] = now() - s.t0
    # the marker: never typed while the tty itself would echo it
    if not s.pump(10, until=lambda: not s.echo_on()):
        raise Stuck("tty stays in echo mode")
    n = 0
    seen = {}

    def wm(t, changed, emu):
        if "t" not in seen and any(x in emu.rows[y] for y in changed for x in ("zq", "qx", "xj", "jk", "kv", "vw")):
            seen["t"] = t

    s.watch.append(wm)
    t_type = now()
    while "t" not in seen and n < 400:
        if n < len(MARKERS):
            s.send(MARKERS[n].encode())
        n += 1
        s.pump(0.04, until=lambda: "t" in seen)
    s.watch.remove(wm)
    if "t" not in seen:
        raise Stuck("marker never shown:\n" + s.emu.text())
    m["interactive"] = seen["t"] - s.t0
    m["after_marker"] = seen["t"] - t_type
    n = min(n, len(MARKERS))
    s.pump(0.4)
    for k in c.input.get("clear", ["backspace"] * n):
        s.press(k)
        s.pump(0.02)
    s.pump(0.6)
    if any(x in r for r in s.emu.rows for x in ("zqx", "jkv")):
        raise Stuck("marker not cleared:\n" + s.emu.text())
    m["rss_ready_mb"] = 0
    s.usage.sample()
    m["rss_ready_mb"] = s.usage.peak / 2**20
    return m


def do_quit(c, s):
    t = None
    for k in c.quit["keys"]:
        if k.startswith("wait:"):
            s.pump(5, until=lambda: s.emu.shows(k[5:]))
        elif k.startswith("sleep:"):
            s.pump(float(k[6:]))
        else:
            tt = s.press(k)
            t = t or tt
    ok = s.wait_exit(10)
    return {"quit": (s.t_exit - t) if ok else None, "exit_code": s.exit_code}


class Noise:
    """CPU (in cores) that was used by neither the client, the harness nor the fake server."""

    def __init__(self, s, server):
        self.s, self.server, self.me = s, server, psutil.Process()
        self.a = self.read()

    def read(self):
        c = psutil.cpu_times()
        busy = c.user + c.nice + c.system + c.irq + c.softirq + c.steal
        mc = self.me.cpu_times()
        return now(), busy, mc.user + mc.system, self.server.cpu() if self.server else 0, self.s.usage.sample()

    def done(self):
        b = self.read()
        d = [y - x for x, y in zip(self.a, b, strict=False)]
        return max(0.0, (d[1] - d[2] - d[3] - d[4]) / max(d[0], 1e-6))


def wait_quiet(limit=float(os.environ.get("PEERBENCH_WAIT", "4")), below=0.25):
    """Others share this machine: wait (bounded) until they use less than `below` cores."""
    import time

    t0 = now()
    while True:
        a = psutil.cpu_times()
        time.sleep(0.4)
        b = psutil.cpu_times()
        busy = sum(getattr(b, k) - getattr(a, k) for k in ("user", "nice", "system", "irq", "softirq", "steal")) / 0.4
        if busy < below or now() - t0 > limit:
            return now() - t0


def finish(c, s, m):
    try:
        m.update(do_quit(c, s))
    finally:
        s.close()
    if s.rusage:
        m["cpu_total"] = s.rusage.ru_utime + s.rusage.ru_stime
        m["maxrss_mb"] = s.rusage.ru_maxrss / 1024
    m["peak_tree_mb"] = s.usage.peak / 2**20
    m["nproc"] = s.usage.nproc


def scen_startup(c, server, idle=0.0, **_):
    s = c.launch()
    m = {}
    try:
        nz = Noise(s, server)
        m.update(to_input(c, s))
        m["noise"] = m["noise_start"] = nz.done()
        m["cpu_ready"] = s.usage.sample()
        if idle:
            s.pump(3)
            b0, c0, t0 = sum(len(x) for _, x in s.chunks), s.usage.sample(), now()
            s.pump(idle, live=False)
            m["idle_cpu_pct"] = 100 * (s.usage.sample() - c0) / (now() - t0)
            m["idle_bytes_s"] = (sum(len(x) for _, x in s.chunks) - b0) / (now() - t0)
            s.catch_up()
    except BaseException:
        s.close()
        raise
    finish(c, s, m)
    return m


def pct(v, p):
    v = sorted(v)
    return v[min(len(v) - 1, round(p * (len(v) - 1)))] if v else None


def scen_stream(c, server, tokens=50, tps=50.0, ttft=0.2, typing=False, idle_typing=False, idle_after=0.0, **_):
    if not c.input.get("typing_while_streaming", True):
        typing = False
    s = c.launch()
    m = {}
    try:
        nz = Noise(s, server)
        m.update(dict(to_input(c, s).items()))  # every run is a start-up sample too
        m["noise_start"] = nz.done()
        m["cpu_ready"] = s.usage.sample()
        typed = {}
        n_typed = [0]

        def watch_typed(t, changed, emu):
            for y in changed:
                r = emu.rows[y]
                if TYPED[0] in r:
                    i = len(typed)
                    while i < n_typed[0] and TYPED[: i + 1] in r:
                        typed[i] = t
                        i += 1

        sent = []

        def type_plan(t_first, gap, n=len(TYPED)):
            return [
                (
                    t_first + i * gap,
                    TYPED[i].encode(),
                    lambda ts: (sent.append(ts), n_typed.__setitem__(0, n_typed[0] + 1)),
                )
                for i in range(n)
            ]

        if idle_typing:
            s.watch.append(watch_typed)
            s.pump(len(TYPED) * 0.12 + 1.0, live=False, actions=type_plan(now() + 0.1, 0.12))
            s.catch_up()
            lat = [(typed[i] - sent[i]) * 1000 for i in typed]
            m["idle_echo_med"], m["idle_echo_p95"], m["idle_echo_n"] = (
                statistics.median(lat) if lat else None,
                pct(lat, 0.95),
                len(lat),
            )
            s.watch.remove(watch_typed)
            for k in c.input.get("clear", ["backspace"] * len(TYPED)):
                s.press(k)
                s.pump(0.02)
            s.pump(0.5)
            typed.clear(), sent.clear()
            n_typed[0] = 0

        http("/__pb/reset", {})
        http("/__pb/config", {"tokens": tokens, "tps": tps, "ttft": ttft, "arm": True})
        for ch in "PBRUN tell me about terminals":
            s.send(ch.encode())
            s.pump(0.006)
        s.pump(1.0)
        if not s.emu.shows("PBRUN tell me"):
            raise Stuck("prompt not shown:\n" + s.emu.text())
        seen = {}
        marks = {}

        def w(t, changed, emu):
            for y in changed:
                r = emu.rows[y]
                if "start" not in seen and content.START in r:
                    seen["start"] = t
                if "end" not in seen and content.END in r:
                    seen["end"] = t
                if "mk" in r:
                    for x in MK.findall(r):
                        marks.setdefault(x, t)

        s.watch.append(w)
        n0 = len(s.chunks)
        nz = Noise(s, server)
        gc.collect()
        gc.disable()
        cpu0 = s.usage.sample()
        t_enter = s.press(*c.input.get("submit", ["enter"]))
        expected = ttft + (tokens / tps if tps else 0)
        acts = []
        if typing:
            # begin 2 s after the first token is in the output, so that a slow first request is not typed into
            head = {"i": n0, "tail": b""}

            def begun():
                while head["i"] < len(s.chunks):
                    d = s.chunks[head["i"]][1]
                    head["i"] += 1
                    if content.START.encode() in head["tail"] + d:
                        return True
                    head["tail"] = d[-16:]
                return False

            s.pump(30, until=begun, live=False)
            s.watch.append(watch_typed)
            acts = type_plan(now() + 2, (expected - 5) / len(TYPED))
        end_raw = content.END.encode()
        st = {"i": n0, "tail": b"", "found": None}

        def found():
            while st["i"] < len(s.chunks):
                t, d = s.chunks[st["i"]]
                st["i"] += 1
                if end_raw in st["tail"] + d:
                    st["found"] = t
                st["tail"] = d[-16:]
            return st["found"] is not None

        limit = c.input.get("stream_timeout", 90)
        ok = s.pump(expected + 5, until=found, live=False, actions=acts)
        while not ok and now() - t_enter < expected + limit:
            # END not in the raw output yet: is the server done and the client quiet?
            mains = [e for e in http("/__pb/log") if e["main"]]
            if mains and mains[0]["t_done"] and now() - mains[0]["t_done"] > 3:
                n = len(s.chunks)
                if s.pump(2.0, until=found, live=False):
                    break
                if sum(len(d) for _, d in s.chunks[n:]) < 1500:  # no more than a blinking cursor or a clock
                    break
            ok = s.pump(2.0, until=found, live=False)
        cpu1, t_end = s.usage.sample(), now()
        m["noise"] = nz.done()
        s.pump(4, live=False, quiet=0.7)
        m["cpu_settled"] = s.usage.sample() - cpu0
        gc.enable()
        log = http("/__pb/log?full=1")
        s.catch_up()
        main = next((e for e in log if e["main"]), None)
        if main is None:
            raise Stuck(
                f"no request reached the server; log {[(e['path'], e['marked']) for e in log]}\n" + s.emu.text()
            )
        ch = main["chunks"]
        m["n_chunks"] = len(ch)
        m["path"] = main["path"]
        m["other_requests"] = [e["path"] for e in log if not e["main"]][:8]
        m["enter_to_request"] = main["t"] - t_enter
        m["first_lag"] = seen["start"] - ch[0] if "start" in seen else None
        m["last_lag"] = seen["end"] - ch[-1] if "end" in seen else None
        m["enter_to_end"] = seen["end"] - t_enter if "end" in seen else None
        m["render_total"] = seen["end"] - ch[0] if "end" in seen else None
        m["server_span"] = ch[-1] - ch[0]
        toks = content.tokens(tokens)
        ends, pos = [], 0  # a marker may be two tokens: its time is that of its last piece
        for t in toks:
            pos += len(t)
            ends.append(pos)
        wrote = {
            x.group(): ch[i] for x in MK.finditer("".join(toks)) if (i := bisect.bisect_left(ends, x.end())) < len(ch)
        }
        lags = [(marks[k] - v) for k, v in wrote.items() if k in marks]
        m["mark_n"], m["mark_total"] = len(lags), len(wrote)
        m["mark_lag_med"], m["mark_lag_p95"], m["mark_lag_max"] = (
            pct(lags, 0.5),
            pct(lags, 0.95),
            max(lags, default=None),
        )
        m["cpu_stream"], m["wall_stream"] = cpu1 - cpu0, t_end - t_enter
        m["cpu_stream_pct"] = 100 * m["cpu_stream"] / m["wall_stream"]
        m["bytes_out"] = sum(len(d) for _, d in s.chunks[n0:])
        ts = [t for t, _ in s.chunks[n0:] if t <= t_end]
        big = [t for t, d in s.chunks[n0:] if len(d) > 1500]
        m["settled"] = big[-1] - ch[0] if big else None  # last paint bigger than a cursor blink or a clock
        m["max_gap"] = max((b - a for a, b in itertools.pairwise(ts)), default=None)
        if typing:
            lat = [(typed[i] - sent[i]) * 1000 for i in typed if i < len(sent)]
            m["echo"] = [round(x, 2) for x in lat]
            m["echo_sent"], m["echo_seen"] = len(sent), len(lat)
            m["echo_med"], m["echo_p95"], m["echo_max"] = (
                statistics.median(lat) if lat else None,
                pct(lat, 0.95),
                max(lat, default=None),
            )
        if idle_after:
            s.pump(1.5)
            c0, t0 = s.usage.sample(), now()
            s.pump(idle_after, live=False)
            m["idle_after_cpu_pct"] = 100 * (s.usage.sample() - c0) / (now() - t0)
            s.catch_up()
        m["final_screen"] = s.emu.text()
    except BaseException:
        gc.enable()
        s.close()
        raise
    finish(c, s, m)
    return m


def evict(paths):
    """Drop these trees from the page cache (posix_fadvise), for a cold-ish start."""
    subprocess.run(["sync"], check=False)
    n = 0
    for root in paths:
        for d, _, files in os.walk(root):
            for f in files:
                try:
                    fd = os.open(os.path.join(d, f), os.O_RDONLY)
                except OSError:
                    continue
                try:
                    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                    n += 1
                finally:
                    os.close(fd)
    return n


SCENARIOS = {
    "startup": (scen_startup, {}),
    "cold": (scen_startup, {}),
    "idle": (scen_startup, {"idle": 10.0}),
    "short": (scen_stream, {"tokens": 50, "tps": 50.0, "ttft": 0.2, "idle_typing": True}),
    "long_fast": (scen_stream, {"tokens": 2000, "tps": 0.0, "ttft": 0.2, "idle_after": 4.0}),
    "typing": (scen_stream, {"tokens": 2000, "tps": 100.0, "ttft": 0.2, "typing": True}),
    "long_8k": (scen_stream, {"tokens": 8000, "tps": 200.0, "ttft": 0.2, "idle_after": 5.0}),
}


def run_one(c, server, scen):
    fn, kw = SCENARIOS[scen]
    if scen == "cold":
        real = Path(os.path.realpath(c.venv / "bin/python")).parent.parent
        evict([c.venv, real / "lib", real / "bin"])
    waited = wait_quiet()
    m = fn(c, server, **kw)
    m["waited"] = waited
    return m


def prepare(c):
    """A first run in a fresh HOME, kept as the snapshot that every measured run starts from."""
    if c.snap.exists():
        return
    c.fresh_home(from_snap=False)
    for cmd in c.d.get("prepare", []):
        subprocess.run([c.fill(x) for x in cmd], env=c.env(), cwd=c.home, check=False, capture_output=True, timeout=120)
    s = c.launch()
    try:
        if c.d.get("first_run"):
            for step in c.d["first_run"]:
                if "wait" in step:
                    s.pump(30, until=lambda: s.emu.shows(step["wait"]))
                s.pump(step.get("sleep", 0.3))
                s.press(*step.get("keys", []))
            s.pump(1)
        else:
            to_input(c, s, 60)
        do_quit(c, s)
    finally:
        s.close()
    for cmd in c.d.get("after_first_run", []):
        subprocess.run([c.fill(x) for x in cmd], env=c.env(), cwd=c.home, check=True, timeout=60)
    shutil.copytree(c.home, c.snap, symlinks=True)
