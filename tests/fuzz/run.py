"""Fuzz the parsers of foreign input: `python tests/fuzz/run.py [--seconds 600] [TARGET ...]`.

Needs `pip install -e '.[dev,fuzz]'`. One target after the other runs in a process of its own, guided by coverage, and
ends at the first input for which something does not hold. What is found lies in `.fuzz/TARGET` with all that was
learned, from where the next run goes on; put it into `tests/fuzz/seeds/TARGET`, which the ordinary tests read, and mend
what it shows. `--replay FILE TARGET` runs one input.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / ".fuzz"
HANG_S = 10
"""Seconds after which an input counts as a hang."""
MEMORY_MB = 2048


def main() -> int:
    """Run the targets that the command line names, all of them without names."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="*")
    parser.add_argument("--seconds", type=int, default=600, help="for each target (600)")
    parser.add_argument("--replay", type=Path, help="run this input only")
    parser.add_argument("--here", action="store_true", help="in this process; used for the processes of the targets")
    options = parser.parse_args()
    if options.here:
        fuzz(options.target[0], options.seconds)
    from fuzz.targets import TARGETS

    names = options.target or list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        parser.error(f"there is no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    if options.replay:
        for name in names:
            TARGETS[name].run(options.replay.read_bytes())
        return 0
    failed = [name for name in names if not survives(name, options.seconds)]
    print(f"found something: {', '.join(failed)}, see {WORK}" if failed else f"nothing found in {', '.join(names)}")
    return bool(failed)


def survives(name: str, seconds: int) -> bool:
    """Run one target in a process of its own; whether nothing was found."""
    print(f"== {name}, {seconds} s", flush=True)
    command = [sys.executable, str(HERE / "run.py"), "--here", "--seconds", str(seconds), name]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def fuzz(name: str, seconds: int) -> None:
    """Fuzz in this process, which ends here."""
    import atheris

    with atheris.instrument_imports(include=["tale_tui", "markdown_it", "tomllib", "tomlkit"]):
        from fuzz.targets import TARGETS
    from fuzz.mutators import json_lines

    logging.disable(logging.CRITICAL)
    target = TARGETS[name]
    corpus = WORK / name
    corpus.mkdir(parents=True, exist_ok=True)
    words = corpus.with_suffix(".dict")
    words.write_text("".join(f'"{escaped(word)}"\n' for word in target.words), encoding="ascii")
    flags = {
        "max_total_time": seconds,
        "max_len": target.longest,
        "timeout": HANG_S,
        "rss_limit_mb": MEMORY_MB,
        "dict": words,
        "artifact_prefix": f"{corpus}/",
        "print_final_stats": 1,
    }
    arguments = [f"-{flag}={value}" for flag, value in flags.items()]
    folders = [str(corpus), str(HERE / "seeds" / name)]
    more = {}
    if target.in_json:
        change = json_lines(target.words)
        more["custom_mutator"] = lambda data, most, seed: change(data, most, seed, atheris.Mutate)
    atheris.Setup([sys.argv[0], *arguments, *folders], target.run, **more)
    atheris.Fuzz()


def escaped(word: str) -> str:
    """As a dictionary of libFuzzer has it."""
    return "".join(
        chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"\\x{byte:02x}" for byte in word.encode("utf-8")
    )


if __name__ == "__main__":
    sys.exit(main())
