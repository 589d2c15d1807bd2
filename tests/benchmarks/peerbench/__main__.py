"""python -m peerbench run|explore|report ..."""

import argparse
import json
import os
import sys
import time
import traceback
from pathlib import Path

from . import driver


def load(names):
    return [driver.Client(n if n.endswith(".toml") else driver.HERE / "clients" / f"{n}.toml") for n in names]


def cmd_run(a):
    clients = load(a.clients)
    out = Path(a.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    server = driver.Server()
    bad = {}
    try:
        for c in clients:
            driver.prepare(c)
        for scen in a.scenarios:
            for rep in range(a.n):
                for c in clients:  # round robin: each round is one paired sample
                    if bad.get((c.name, scen), 0) >= 2 or scen in c.d.get("skip", []):
                        continue
                    c.fresh_home()
                    row = {
                        "client": c.name,
                        "scenario": scen,
                        "rep": rep,
                        "at": time.time(),
                        "load": os.getloadavg()[0],
                        "batch": a.batch,
                    }
                    try:
                        row.update(driver.run_one(c, server, scen))
                    except Exception as e:
                        bad[(c.name, scen)] = bad.get((c.name, scen), 0) + 1
                        row["error"] = f"{type(e).__name__}: {e}"
                        if not isinstance(e, driver.Stuck):
                            traceback.print_exc()
                    with out.open("a") as f:
                        f.write(json.dumps(row) + "\n")
                    brief = {
                        k: (round(v, 3) if isinstance(v, float) else v)
                        for k, v in row.items()
                        if k
                        in (
                            "first_byte",
                            "paint",
                            "interactive",
                            "quit",
                            "enter_to_request",
                            "first_lag",
                            "last_lag",
                            "render_total",
                            "mark_lag_p95",
                            "cpu_stream",
                            "echo_med",
                            "echo_p95",
                            "noise",
                            "idle_cpu_pct",
                            "error",
                            "maxrss_mb",
                        )
                    }
                    print(scen, rep, c.name, brief, flush=True)
    finally:
        server.stop()


def cmd_explore(a):
    """Start a client, press keys, print screens: for writing a config."""
    c = load([a.client])[0]
    server = driver.Server()
    driver.http("/__pb/config", {"tokens": a.tokens, "tps": a.tps, "ttft": 0.2, "arm": True})
    c.fresh_home(from_snap=not a.fresh)
    s = c.launch()
    try:
        s.pump(a.wait)
        print(s.emu.text())
        for k in a.keys:
            if k.startswith("sleep:"):
                s.pump(float(k[6:]))
                continue
            if k == "show":
                print("-" * 118)
                print(s.emu.text())
                continue
            s.press(k)
            s.pump(0.3)
        print("=" * 118)
        print(s.emu.text())
        print(
            "exit:",
            s.exit_code if s.reap() else "running",
            "echo:",
            s.echo_on(),
            "answered:",
            [q for _, q in s.unanswered],
        )
        print([(e["method"], e["path"], e["stream"], e["main"], e["chunks"]) for e in driver.http("/__pb/log")])
    finally:
        s.close()
        server.stop()


def main():
    import signal

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` ends the client and the server
    p = argparse.ArgumentParser(prog="peerbench")
    sub = p.add_subparsers(required=True)
    r = sub.add_parser("run")
    r.add_argument("clients", nargs="+")
    r.add_argument("-s", "--scenarios", nargs="+", default=list(driver.SCENARIOS))
    r.add_argument("-n", type=int, default=5)
    r.add_argument("-o", "--out", default="perf.jsonl")
    r.add_argument("--batch", default="")
    r.set_defaults(fn=cmd_run)
    e = sub.add_parser("explore")
    e.add_argument("client")
    e.add_argument("keys", nargs="*")
    e.add_argument("--wait", type=float, default=5)
    e.add_argument("--tokens", type=int, default=60)
    e.add_argument("--tps", type=float, default=100)
    e.add_argument("--fresh", action="store_true")
    e.set_defaults(fn=cmd_explore)
    q = sub.add_parser("report")
    q.add_argument("files", nargs="+")
    q.add_argument("--floor", default="floor_textual")
    q.set_defaults(fn=lambda a: __import__("peerbench.report", fromlist=["x"]).main(a.files, a.floor))
    a = p.parse_args()
    a.fn(a)


if __name__ == "__main__":
    main()
