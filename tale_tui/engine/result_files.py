"""The blocks of code of a result as files: what each may be called, and how it gets into a folder safely.

What a model writes is foreign: a name that it gives never leads out of the folder that the user chose, never to a
hidden place where a system looks for programs to run, and never over a file that is there unless the user said so.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tale_tui.domain.constants import RESULT_FILE_NAME_CHARACTERS
from tale_tui.domain.errors import BadFileName, FileNotSaved, FileThere
from tale_tui.domain.text import clean, clean_line
from tale_tui.formatting.markdown import block_tokens

_ABOVE_LIMIT = 400
"""Characters at the end of the line above a block of code that are looked at for a name."""
_PART_BYTES = 255
"""Of one part of a path: what file systems take."""
_FIRST_LINE_LIMIT = 200
"""A first line of code that is longer names no file."""
_HIDDEN = frozenset(
    {".gitignore", ".gitattributes", ".dockerignore", ".editorconfig", ".env.example", ".prettierrc", ".eslintrc.json"}
)
"""Hidden files that a result may name by itself; nothing runs what is in them."""
PART = ".tale-part-"
"""The beginning of the name of a file that is being written."""
_BARE = frozenset({"Dockerfile", "Makefile", "Justfile", "Procfile", "LICENSE", "README", "CHANGELOG", "Gemfile"})
"""Names of files that have no ending."""
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that mean a device on Windows."""
_NAME = re.compile(r"[\w@+~ -]*(?:[./\\]+[\w@+ -]+)*\.?[\w-]+")
_ENDING = re.compile(r".*[\w)\]]\.[A-Za-z][A-Za-z0-9_+-]{0,9}")
_COMMENT = re.compile(
    r"\s*(?:#+|//+|--|;+|%|/\*+|<!--|\(\*|\"\"\"|rem\b)\s*(?P<words>.*?)\s*(?:\*/|-->|\*\)|\"\"\")?\s*", re.I
)
_LABEL = re.compile(r"(?:file ?name|file|path|save as)\s*[:=]\s*", re.IGNORECASE)
_SETTING = re.compile(r"(?:title|file|filename|name|path)=(\"[^\"]*\"|'[^']*'|\S+)", re.IGNORECASE)
_MARKED = re.compile(r"`([^`\n]+)`|\*\*([^*\n]+)\*\*|__([^_\n]+)__")
_ENDINGS = {
    "python": "py", "py": "py", "python3": "py", "javascript": "js", "js": "js", "typescript": "ts", "ts": "ts",
    "jsx": "jsx", "tsx": "tsx", "html": "html", "css": "css", "scss": "scss", "json": "json", "yaml": "yaml",
    "yml": "yaml", "toml": "toml", "ini": "ini", "xml": "xml", "sql": "sql", "markdown": "md", "md": "md",
    "bash": "sh", "sh": "sh", "shell": "sh", "zsh": "sh", "powershell": "ps1", "c": "c", "cpp": "cpp", "c++": "cpp",
    "csharp": "cs", "java": "java", "kotlin": "kt", "swift": "swift", "go": "go", "rust": "rs", "ruby": "rb",
    "php": "php", "perl": "pl", "lua": "lua", "r": "r", "scala": "scala", "haskell": "hs", "elixir": "ex", "csv": "csv",
    "tex": "tex", "latex": "tex", "diff": "diff", "dockerfile": "dockerfile", "makefile": "mk",
}  # fmt: skip
"""Language as a fence names it -> the usual ending."""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A block of code of a result."""

    name: str
    """What the text calls it, with folders, always relative; empty where it does not say."""
    language: str
    """As the source names it; empty where it does not."""
    text: str
    """The code, as it is written to the file."""

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return self.text.count("\n") + (not self.text.endswith("\n") and bool(self.text))


# what a result holds


def result_files(markdown: str) -> tuple[ResultFile, ...]:
    """The blocks of code of a result in their order, each with the name that the text gives it.

    A name is looked for behind the language of the fence, in a comment on the first line, and in the line above. Of
    several blocks with one name the later ones get a number.

    Args:
        markdown: foreign text.
    """
    found: list[ResultFile] = []
    above = ""
    for token in block_tokens(clean(markdown)):
        if token.type == "inline":
            above = token.content.rpartition("\n")[2]
        elif token.type == "fence":
            if token.content.strip():
                found.append(_file(token.info.strip(), token.content, above))
            above = ""
    return tuple(_told_apart(found))


def suggested_name(file: ResultFile, number: int) -> str:
    """What a file may be called that the text does not name: `result-1.py`.

    Args:
        file: which.
        number: its place among the files, from 1.
    """
    return file.name or f"result-{number}.{_ENDINGS.get(file.language.lower(), 'txt')}"


def _file(info: str, text: str, above: str) -> ResultFile:
    language = re.split(r"[\s,{:]", info, maxsplit=1)[0]
    name = _name_of_info(info) or _name_of_comment(text) or _name_of_line(above)
    if is_name(language):
        language = language.rpartition(".")[2] if "." in language else ""
    return ResultFile(name, clean_line(language, 40), text if text.endswith("\n") else f"{text}\n")


def _name_of_info(info: str) -> str:
    """The name behind the language: `python title="fib.py"`, `python:src/fib.py`, `python fib.py`, `fib.py`."""
    if setting := _SETTING.search(info):
        return _kept(setting[1].strip("\"'"))
    words = info.split()
    candidates = [word.partition(":")[2] for word in words[:1]] + words[1:] + words[:1]
    return next((name for word in candidates if (name := _kept(word.strip("{}\"'()")))), "")


def _name_of_comment(text: str) -> str:
    """The name that a first line gives which is a comment and nothing else: `# src/fib.py`."""
    first = next((line for line in text.split("\n") if line.strip() and not line.startswith("#!")), "")
    if len(first) > _FIRST_LINE_LIMIT or not (comment := _COMMENT.fullmatch(first)):
        return ""
    words, labelled = _LABEL.subn("", comment["words"], count=1)
    return _kept(words.strip("`\"' ")) if labelled or " " not in words else ""


def _name_of_line(line: str) -> str:
    """The last name of the line above: in marks (`fib.py`, **fib.py**), or the whole line."""
    line = line[-_ABOVE_LIMIT:]
    marked = [next(filter(None, groups)).strip() for groups in _MARKED.findall(line)]
    whole = _LABEL.sub("", line.strip().strip("#*_`").rstrip(":").strip("*_` "), count=1)
    for word in (*reversed(marked), whole if " " not in whole else ""):
        if name := _kept(word.rstrip(":").strip("`*_ ")):
            return name
    return ""


def is_name(word: str) -> bool:
    """Whether a word of a text names a file: it has an ending, or is known for having none."""
    last = re.split(r"[/\\]", word)[-1]
    looks = last in _BARE or last in _HIDDEN or bool(_ENDING.fullmatch(last))
    return (
        looks
        and len(word) <= RESULT_FILE_NAME_CHARACTERS
        and "://" not in word
        and not last.endswith("()")
        and bool(_NAME.fullmatch(word.strip()))
    )


def may_be_given(name: str) -> bool:
    """Whether a text may name a file so, and it is written under just this name."""
    return _kept(name) == name != ""


def _kept(word: str) -> str:
    """A name of the text as it may be used; empty where it is none, or leads to where nothing may be put unasked."""
    if len(word) > RESULT_FILE_NAME_CHARACTERS or not is_name(word):
        return ""
    parts = [part.strip() for part in word.replace("\\", "/").split("/")]
    parts = [part for number, part in enumerate(parts) if part not in (".", "") or (part == "" and number == 0)]
    if any(part.startswith(("..", "~")) or part == "" for part in parts):
        return ""
    if any(part.startswith(".") for part in parts[:-1]) or (parts[-1].startswith(".") and parts[-1] not in _HIDDEN):
        return ""
    name = "/".join(parts)
    try:
        check_name(name)
    except BadFileName:
        return ""
    return name


def _told_apart(files: Iterable[ResultFile]) -> Iterable[ResultFile]:
    taken: set[str] = set()
    for file in files:
        name, number = file.name, 2
        while name and name.lower() in taken:
            stem, dot, ending = file.name.rpartition(".")
            name = f"{stem}-{number}{dot}{ending}" if stem else f"{file.name}-{number}"
            number += 1
        taken.add(name.lower())
        yield ResultFile(name, file.language, file.text)


# how a file gets into a folder


def check_name(name: str) -> None:
    """Say what is wrong with the name of a file in a folder.

    Args:
        name: with `/` between folders and the file; what the user wrote.
    Raises:
        BadFileName: it is empty, leads out of the folder, or is none that systems take.
    """
    shown = clean_line(name, RESULT_FILE_NAME_CHARACTERS)
    if not name.strip():
        raise BadFileName("A file needs a name.")
    if shown != name or len(name) > RESULT_FILE_NAME_CHARACTERS:
        raise BadFileName(
            f"{shown} cannot be the name of a file. "
            f"Use at most {RESULT_FILE_NAME_CHARACTERS} letters, digits and signs."
        )
    parts = name.replace("\\", "/").split("/")
    if parts[0] in ("", "~") or name.startswith("~") or ".." in parts or re.match(r"[A-Za-z]:", name):
        raise BadFileName(f"{shown} leads out of the folder. Give a name inside of it, or choose another folder.")
    for part in parts:
        if part in ("", ".") or part != part.strip() or part.endswith("."):
            raise BadFileName(f"{shown} cannot be the name of a file: a part of it is empty or ends with a dot.")
        if _RESERVED.fullmatch(part) or set(part) & set('<>:"|?*') or len(part.encode()) > _PART_BYTES:
            raise BadFileName(f"{shown} cannot be the name of a file on every system. Give another one.")


def file_place(folder: Path, name: str) -> Path:
    """Where a file of that name is in a folder.

    Args:
        folder: chosen by the user; need not exist yet.
        name: see `check_name`.
    Raises:
        BadFileName: it is no name, or a link in the folder leads out of it.
    """
    check_name(name)
    root = folder.resolve()
    path = root.joinpath(*name.replace("\\", "/").split("/"))
    if not path.parent.resolve().is_relative_to(root) or path.is_symlink():
        raise BadFileName(f"{clean_line(name)} leads out of the folder by a link. Give another name.")
    return path


def save_file(folder: Path, name: str, text: str, *, replace: bool = False) -> Path:
    """Write a file into a folder, which is made where it is not there; all of it or nothing.

    Args:
        folder: chosen by the user.
        name: of the file, with folders inside of it.
        text: what stands in it.
        replace: whether a file that is there may be written over.
    Returns:
        Where it is now.
    Raises:
        BadFileName: see `file_place`.
        FileThere: a file of that name is there, and `replace` is False. Nothing was changed.
        FileNotSaved: the system did not allow it.
    """
    path = file_place(folder, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text, replace=replace)
    except OSError as error:
        if isinstance(error, FileExistsError) and path.exists():
            raise FileThere(f"{clean_line(name)} is there already. Replace it, or give another name.") from error
        reason = clean_line(error.strerror or "unknown error")
        raise FileNotSaved(f"{clean_line(str(path))} cannot be written: {reason}.") from error
    return path


def _write(path: Path, text: str, *, replace: bool) -> None:
    part = part_of(path)
    part.unlink(missing_ok=True)
    try:
        with part.open("x", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
        if replace:
            part.replace(path)
        else:
            claim(part, path)
    finally:
        part.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """Where a file is written before it gets its name: the same place each time, so that what a process left behind
    that was killed is written over.

    Args:
        path: of the file.
    """
    return path.with_name(f"{PART}{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}")


def claim(part: Path, path: Path) -> None:
    """Give a finished part its name, unless there is something of that name.

    Raises:
        FileExistsError: there is.
        OSError: the system did not allow it.
    """
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: the name is taken first, then filled
        with path.open("x", encoding="utf-8"):
            pass
        part.replace(path)
