"""The blocks of code of a result as files: their names, and how they get into a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tale_tui.domain.errors import BadFileName, FileNotSaved, FileThere
from tale_tui.engine.result_files import check_name, file_place, result_files, save_file, suggested_name
from tale_tui.formatting.markdown import NESTING_LIMIT


def named(markdown: str) -> list[str]:
    return [file.name for file in result_files(markdown)]


def block(info: str = "python", code: str = "x = 1", above: str = "") -> str:
    return f"{above}\n\n```{info}\n{code}\n```\n"


@pytest.mark.parametrize(
    ("markdown", "name"),
    [
        (block(above="Save this as `fib.py`:"), "fib.py"),
        (block(above="First `old.py`, now `src/new.py`:"), "src/new.py"),
        (block(above="**tests/test_fib.py**"), "tests/test_fib.py"),
        (block(above="### main.rs"), "main.rs"),
        (block(above="File: main.rs"), "main.rs"),
        (block(above="Dockerfile", info=""), "Dockerfile"),
        (block('python title="a b.py"'), "a b.py"),
        (block("python filename=a.py"), "a.py"),
        (block("python:src/a.py"), "src/a.py"),
        (block("python a.py"), "a.py"),
        (block("a.py"), "a.py"),
        (block(code="# src/a.py\nx = 1"), "src/a.py"),
        (block(code="#!/usr/bin/env python\n# run.py\nx = 1"), "run.py"),
        (block("js", "// file: lib/a.js\nx"), "lib/a.js"),
        (block("html", "<!-- index.html -->\n<p>"), "index.html"),
        (block("css", "/* style.css */\np {}"), "style.css"),
        (block("sql", "-- schema.sql\nselect 1"), "schema.sql"),
        (block(above="Then `src\\win.py`:"), "src/win.py"),
        (block(above="A `.gitignore`:", info=""), ".gitignore"),
        ("1. Do\n\n   ```py\n   # a.py\n   ```\n", "a.py"),
        ("~~~py a.py\nnever closed", "a.py"),
    ],
)
def test_a_name_is_taken_from_the_text(markdown: str, name: str) -> None:
    assert named(markdown) == [name]


def test_code_is_found_however_deep_it_stands() -> None:
    levels = [f"{'  ' * level}- step {level}\n" for level in range(NESTING_LIMIT)]
    indent = "  " * NESTING_LIMIT
    text = f"{''.join(levels)}\n{indent}```py\n{indent}x = 1\n{indent}```\n\nand\n\n```js\ny\n```\n"
    assert [(file.language, file.text) for file in result_files(text)] == [("py", "x = 1\n"), ("js", "y\n")]
    quoted = "> " * NESTING_LIMIT
    assert [file.text for file in result_files(f"{quoted}```\n{quoted}x\n")] == ["x\n"]


def test_a_page_with_code_in_it_is_one_file() -> None:
    page = "# Use\n```bash\nmake\n```\nDone.\n"
    assert [(file.name, file.text) for file in result_files(f"```md README.md\n{page}```\n")] == [("README.md", page)]


@pytest.mark.parametrize(
    "markdown",
    [
        block(),
        block(above="Call `fib(10)` and see."),
        block(above="See https://example.org/page.html:"),
        block(above="It is version 1.2, e.g. for you:"),
        block(code="# the cache of fib.py is here\nx = 1"),
        block(above="`../../etc/cron.py`"),
        block(above="`/etc/passwd.txt`"),
        block(above="`~/.bashrc`"),
        block(above="`.ssh/config.txt`"),
        block(above="`.git/hooks/run.sh`"),
        block(above="`.bashrc`"),
        block(above="`con.txt`"),
        block(above="`C:\\a.txt`"),
        block(above="`" + "a/" * 200 + "a.py`"),
    ],
)
def test_what_is_no_name_or_leads_elsewhere_is_left_to_the_user(markdown: str) -> None:
    assert named(markdown) == [""]


def test_one_name_twice_gets_a_number() -> None:
    assert named(block(above="`a.py`") * 2 + block(above="`A.py`")) == ["a.py", "a-2.py", "A-3.py"]


def test_the_code_is_whole_and_ends_with_a_line_end() -> None:
    (file,) = result_files("```python\na\n\n  b```\n```\n")
    assert (file.text, file.language, file.lines) == ("a\n\n  b```\n", "python", 3)


def test_empty_blocks_and_running_text_are_no_files() -> None:
    assert result_files("text `a.py`\n\n```\n\n```\n\n    indented\n") == ()


def test_control_sequences_do_not_reach_a_file() -> None:
    (file,) = result_files("`a\x1b[31m.py`\n\n```\n\x1b]52;c;x\x07evil\n```\n")
    assert "\x1b" not in file.text + file.name


def test_a_file_without_a_name_is_suggested_one() -> None:
    unnamed = result_files(block("rust") + block(""))
    assert [suggested_name(file, number) for number, file in enumerate(unnamed, 1)] == ["result-1.rs", "result-2.txt"]


@pytest.mark.parametrize(
    "name",
    ["", " ", "../a", "a/../../b", "/a", "\\a", "~/a", "C:/a", "a//b", "a/./b", "a.", "a/ b", "nul", "a|b", "a\nb"],
)
def test_a_bad_name_is_refused_with_a_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadFileName) as refused:
        save_file(tmp_path, name, "x")
    assert refused.value.sentence.endswith(".")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(BadFileName):
        check_name("ü" * 190)


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    place = save_file(tmp_path / "new", "src/a.py", "ü = 1\n")
    assert place == (tmp_path / "new/src/a.py").resolve()
    assert place.read_bytes() == "ü = 1\n".encode()
    assert [path.name for path in place.parent.iterdir()] == ["a.py"]


def test_a_file_that_is_there_is_replaced_only_when_told_to(tmp_path: Path) -> None:
    save_file(tmp_path, "a.py", "old")
    with pytest.raises(FileThere):
        save_file(tmp_path, "a.py", "new")
    assert (tmp_path / "a.py").read_text() == "old"
    save_file(tmp_path, "a.py", "new", replace=True)
    assert (tmp_path / "a.py").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_link_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    outside.mkdir()
    (folder / "way").symlink_to(outside)
    (folder / "a.py").symlink_to(outside / "a.py")
    for name in ("way/b.py", "a.py"):
        with pytest.raises(BadFileName):
            file_place(folder, name)
    assert list(outside.iterdir()) == []


def test_what_the_system_does_not_allow_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileNotSaved, match="cannot be written"):
        save_file(tmp_path / "file", "a.py", "x")
