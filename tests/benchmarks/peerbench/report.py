"""Tables (markdown) from the JSONL rows: median [min-max] (n), and the ratio to the floor of the same round."""

import json
import statistics
from collections import defaultdict

from . import driver


def fmt(v, unit):
    if v is None:
        return "-"
    if unit == "ms":
        v *= 1000
        return f"{v:.0f}" if v >= 10 else f"{v:.1f}"
    if unit == "msraw":
        return f"{v:.0f}" if v >= 10 else f"{v:.1f}"
    if unit == "s":
        return f"{v:.2f}"
    if unit == "kb":
        return f"{v / 1000:.0f}"
    if unit == "n":
        return f"{v:.0f}"
    return f"{v:.1f}"


def cell(vals, unit):
    vals = [v for v in vals if v is not None]
    if not vals:
        return "-"
    if len(vals) == 1:
        return fmt(vals[0], unit)
    return f"{fmt(statistics.median(vals), unit)} [{fmt(min(vals), unit)}-{fmt(max(vals), unit)}]"


def table(rows, clients, cols, floor, ratio=None):
    """cols: (title, key, unit). ratio: key whose per-round ratio to the floor is shown."""
    by = defaultdict(list)
    for r in rows:
        if "error" not in r:
            by[r["client"]].append(r)
    base = {(r["batch"], r["scenario"], r["round"]): r for r in by.get(floor, [])}
    out = [
        "| client | n | " + " | ".join(t for t, *_ in cols) + (f" | x floor ({ratio[0]})" if ratio else "") + " |",
        "|---" * (len(cols) + 2 + bool(ratio)) + "|",
    ]
    for c in clients:
        rs = by.get(c)
        if not rs:
            continue
        line = [c, str(len(rs))] + [cell([r.get(k) for r in rs], u) for _, k, u in cols]
        if ratio:
            q = [
                r[ratio[1]] / base[k][ratio[1]]
                for r in rs
                if (k := (r["batch"], r["scenario"], r["round"])) in base and r.get(ratio[1]) and base[k].get(ratio[1])
            ]
            line.append(f"{statistics.median(q):.1f} [{min(q):.1f}-{max(q):.1f}]" if q else "-")
        out.append("| " + " | ".join(line) + " |")
    return "\n".join(out)


def load(files):
    rows = [json.loads(x) for f in files for x in open(f)]
    # a round: one pass over the clients; a client's k-th row of a scenario is its round k
    n = defaultdict(int)
    for r in rows:
        k = (r["client"], r["scenario"], r["batch"])
        r["round"] = n[k]
        n[k] += 1
    return rows


SECTIONS = [
    (
        "Start-up, warm (every run of every warm scenario is a sample)",
        ("startup", "idle", "short", "long_fast", "typing", "long_8k"),
        [
            ("first byte ms", "first_byte", "ms"),
            ("full paint ms", "paint", "ms"),
            ("interactive ms", "interactive", "ms"),
            ("CPU s until ready", "cpu_ready", "s"),
            ("RSS at ready MB", "rss_ready_mb", "n"),
            ("other load, cores", "noise_start", ""),
        ],
        ("interactive", "interactive"),
    ),
    (
        "Start-up, cold-ish (page cache of venv and stdlib dropped)",
        ("cold",),
        [
            ("first byte ms", "first_byte", "ms"),
            ("full paint ms", "paint", "ms"),
            ("interactive ms", "interactive", "ms"),
            ("other load, cores", "noise_start", ""),
        ],
        ("interactive", "interactive"),
    ),
    (
        "Short answer: 50 tokens at 50 tok/s",
        ("short",),
        [
            ("enter to request ms", "enter_to_request", "ms"),
            ("first token shown after ms", "first_lag", "ms"),
            ("last token shown after ms", "last_lag", "ms"),
            ("CPU s enter to end", "cpu_stream", "s"),
            ("idle typing echo median ms", "idle_echo_med", "msraw"),
            ("p95 ms", "idle_echo_p95", "msraw"),
            ("other load", "noise", ""),
        ],
        ("CPU", "cpu_stream"),
    ),
    (
        "Long answer: 2000 tokens as fast as possible",
        ("long_fast",),
        [
            ("server span s", "server_span", "s"),
            ("first token shown ms", "first_lag", "ms"),
            ("first chunk to last text shown s", "render_total", "s"),
            ("CPU s to end", "cpu_stream", "s"),
            ("CPU s settled", "cpu_settled", "s"),
            ("kB to terminal", "bytes_out", "kb"),
            ("peak RSS MB", "peak_tree_mb", "n"),
            ("idle CPU % after", "idle_after_cpu_pct", ""),
            ("other load", "noise", ""),
        ],
        ("CPU", "cpu_settled"),
    ),
    (
        "Typing while 2000 tokens come at 100 tok/s",
        ("typing",),
        [
            ("echo median ms", "echo_med", "msraw"),
            ("echo p95 ms", "echo_p95", "msraw"),
            ("echo max ms", "echo_max", "msraw"),
            ("seen of 40", "echo_seen", "n"),
            ("last token lag ms", "last_lag", "ms"),
            ("CPU s to end", "cpu_stream", "s"),
            ("CPU %", "cpu_stream_pct", ""),
            ("kB to terminal", "bytes_out", "kb"),
            ("other load", "noise", ""),
        ],
        ("echo p95", "echo_p95"),
    ),
    (
        "Long answer: 8000 tokens at 200 tok/s",
        ("long_8k",),
        [
            ("first token shown ms", "first_lag", "ms"),
            ("marker lag median ms", "mark_lag_med", "ms"),
            ("p95 ms", "mark_lag_p95", "ms"),
            ("max ms", "mark_lag_max", "ms"),
            ("markers seen", "mark_n", "n"),
            ("last token lag ms", "last_lag", "ms"),
            ("CPU s to end", "cpu_stream", "s"),
            ("CPU %", "cpu_stream_pct", ""),
            ("kB to terminal", "bytes_out", "kb"),
            ("peak RSS MB", "peak_tree_mb", "n"),
            ("idle CPU % after", "idle_after_cpu_pct", ""),
            ("other load", "noise", ""),
        ],
        ("CPU", "cpu_stream"),
    ),
    (
        "Idle for 10 s",
        ("idle",),
        [("CPU %", "idle_cpu_pct", ""), ("bytes/s to terminal", "idle_bytes_s", "n"), ("RSS MB", "peak_tree_mb", "n")],
        None,
    ),
    (
        "Quit (all runs)",
        ("startup", "idle", "short", "long_fast", "typing", "long_8k", "cold"),
        [("quit ms", "quit", "ms")],
        ("quit", "quit"),
    ),
]


def main(files, floor):
    rows = load(files)
    order = list(dict.fromkeys(r["client"] for r in rows))
    for title, scens, cols, ratio in SECTIONS:
        rs = [r for r in rows if r["scenario"] in scens]
        if rs:
            print(f"### {title}\n\n{table(rs, order, cols, floor, ratio)}\n")
    errs = [r for r in rows if "error" in r]
    if errs:
        print("### Failed runs\n")
        for r in errs:
            print(f"- {r['client']} {r['scenario']}: {r['error'].splitlines()[0][:200]}")
    print("\n### Versions\n")
    for c in order:
        try:
            k = driver.Client(driver.HERE / "clients" / f"{c}.toml")
            print(f"- {c}: {k.version()}")
        except OSError:
            pass
