"""The repository: commits without parents, each under a reference of its own, so that any of them can be dropped.

`HEAD` is the newest one. Nothing of it is on the event loop: every method blocks and is called by one thread alone.
"""

from __future__ import annotations

import logging
import os
import time
import traceback
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from dulwich.errors import ChecksumMismatch, FileFormatException, ObjectFormatException
from dulwich.file import FileLocked
from dulwich.object_store import DiskObjectStore
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tree
from dulwich.refs import DiskRefsContainer, Ref

from tale_tui.domain.errors import CheckpointDamaged, CheckpointFailed, FileNotSaved
from tale_tui.domain.text import clean_line, reason_of
from tale_tui.engine.checkpoints.entry import Entry
from tale_tui.formatting.units import size

log = logging.getLogger(__name__)

_FOLDER_MODE = 0o040000
_REFS = b"refs/checkpoints/"
_MAIN = Ref(b"refs/heads/main")
_AUTHOR = b"tale-tui <tale-tui@localhost>"
_FILES = {
    "HEAD": "ref: refs/heads/main\n",
    "config": "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n[gc]\n\tauto = 0\n",
    "description": "Checkpoints of tale-tui\n",
}
_PROBE_BYTES = 64 * 1024
"""About as much as what is kept of going back takes."""
_FOLDERS = ("objects/info", "objects/pack", "refs/heads", "refs/checkpoints")
_BROKEN = (
    *(ChecksumMismatch, FileFormatException, ObjectFormatException),
    *(zlib.error, LookupError, AssertionError, ValueError),
)
"""What reading raises where something is damaged."""


class CheckpointRepository:
    """A bare git repository. `open` comes first.

    Args:
        path: where it is, or will be.
        now: seconds since the epoch.
        can_write: False where nothing may be changed; then one that is not there is an empty one.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time, *, can_write: bool = True) -> None:
        self.path = path
        self._now = now
        self._can_write = can_write
        self._objects: DiskObjectStore | None = None
        self._checked: set[bytes] = set()
        """Hashes that were read back, or read, since it was opened."""

    # beginning and end

    def open(self) -> str:
        """Open it, and make it where it is not there; one that cannot be read is set aside, and another one made.

        Returns:
            The name under which a damaged one was set aside; empty where none was.
        Raises:
            CheckpointFailed: it can neither be read nor made.
        """
        if self._objects is not None:
            return ""
        aside = ""
        if not self._can_write:
            self._objects = self._store() if self.path.exists() and self._sound() else None
            return ""
        with _told("opened"):
            if self.path.exists() and not self._sound():
                aside = self._set_aside()
            if not self.path.exists():
                self._make()
            self._sweep()
        self._objects = self._store()
        return aside

    def set_aside(self) -> str:
        """Give up what is damaged, and begin anew; return the name under which the old one is kept.

        Raises:
            CheckpointFailed: the system does not allow it.
        """
        self.close()
        with _told("set aside"):
            name = self._set_aside()
            self._make()
        self._objects = self._store()
        return name

    def close(self) -> None:
        """Close what is open. It can be opened again."""
        if self._objects is not None:
            self._objects.close()
        self._objects = None
        self._checked.clear()

    @property
    def _open(self) -> DiskObjectStore:
        if self._objects is None:
            raise CheckpointFailed("There are no checkpoints that can be read.")
        return self._objects

    @property
    def _refs(self) -> DiskRefsContainer:
        return DiskRefsContainer(self.path)

    def _store(self) -> DiskObjectStore:
        return DiskObjectStore(self.path / "objects", loose_compression_level=1)

    def _sound(self) -> bool:
        """Whether it is a repository whose newest checkpoint can be read."""
        if not (self.path / "objects").is_dir() or not (self.path / "refs").is_dir():
            return False
        store = self._store()
        try:
            if (self.path / "HEAD").read_text().strip() != _FILES["HEAD"].strip():
                return False
            head = self._refs.as_dict().get(_MAIN)
            if head is None:
                return True
            commit = store[head]
            if not isinstance(commit, Commit):
                return False
            tree = store[commit.tree]
            tree.check()
            return isinstance(tree, Tree)
        except (*_BROKEN, OSError, UnicodeDecodeError) as error:
            if isinstance(error, PermissionError):
                raise
            log.warning("the checkpoints are damaged: %s", error)
            return False
        finally:
            store.close()

    def _set_aside(self) -> str:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self._now()))
        target = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        while target.exists():
            target = target.with_name(f"{target.name}+")
        self.path.rename(target)
        return target.name

    def _make(self) -> None:
        """Make it beside its place first, so that half a repository is never found there."""
        new = self.path.with_name(f"{self.path.name}.new")
        for folder in _FOLDERS:
            (new / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, text in _FILES.items():
            (new / name).write_text(text)
        new.rename(self.path)

    def _sweep(self) -> None:
        """Remove what a process left behind that ended in the middle: nobody else writes here."""
        for folder, _, names in os.walk(self.path):
            for name in names:
                if name.endswith(".lock") or name.startswith(("tmp_pack_", "tmp_obj_", ".tmp")):
                    Path(folder, name).unlink(missing_ok=True)
        packs = self.path / "objects" / "pack"
        for pack in packs.glob("*.pack"):
            if not pack.with_suffix(".idx").exists():
                pack.unlink()

    # writing

    def check_room(self) -> None:
        """See that something can be written, before what is to be kept afterwards is done.

        Raises:
            CheckpointFailed: it cannot.
        """
        probe = self.path / f".tmp{os.getpid()}"
        with _told("kept"):
            try:
                probe.write_bytes(bytes(_PROBE_BYTES))
            finally:
                probe.unlink(missing_ok=True)

    def add(self, content: bytes) -> bytes:
        """Keep a content, read it back, and return its hash.

        Raises:
            CheckpointFailed: it could not be written, or is another one when it is read back.
        """
        return self._put(Blob.from_string(content))

    def add_tree(self, entries: Mapping[str, Entry]) -> bytes:
        """Keep a folder with all below it; return its hash.

        Args:
            entries: by path, whose parts are parted by `/`; names that are no text are as `os.fsdecode` gives them.
        Raises:
            CheckpointFailed: as for `add`.
        """
        here, below = Tree(), dict[str, dict[str, Entry]]()
        for path, entry in entries.items():
            name, inside, rest = path.partition("/")
            if inside:
                below.setdefault(name, {})[rest] = entry
            else:
                here.add(os.fsencode(name), entry[0], ObjectID(entry[1]))
        for name, inner in below.items():
            here.add(os.fsencode(name), _FOLDER_MODE, ObjectID(self.add_tree(inner)))
        return self._put(here)

    def commit(self, tree: bytes, message: str, at: float) -> str:
        """Make a checkpoint of a folder, read back; return its hash.

        Args:
            tree: the hash of the folder.
            message: for people.
            at: when, in seconds since the epoch.
        Raises:
            CheckpointFailed: as for `add`; then there is none.
        """
        commit = Commit()
        commit.tree = ObjectID(tree)
        commit.author = commit.committer = _AUTHOR
        commit.author_time = commit.commit_time = max(0, int(at))
        commit.author_timezone = commit.commit_timezone = 0
        commit.encoding = b"UTF-8"
        commit.message = message.encode(errors="replace")
        id_ = self._put(commit)
        with _told("kept"):
            refs = self._refs
            refs.set_if_equals(Ref(_REFS + id_), None, ObjectID(id_))
            refs.set_if_equals(_MAIN, None, ObjectID(id_))
        return id_.decode()

    def _put(self, thing: ShaFile) -> bytes:
        """Write an object that is not there, and read back each that was not since the repository was opened."""
        id_ = thing.id
        if id_ in self._checked:
            return bytes(id_)
        with _told("kept"):
            store = self._open
            if id_ not in store:
                store.add_object(thing)
        if self._raw(id_) != thing.as_raw_string():
            raise CheckpointDamaged("What was written is another thing when it is read back. Look at the disk.")
        self._checked.add(bytes(id_))
        return bytes(id_)

    def verify(self, ids: Iterable[bytes]) -> None:
        """See that objects that are taken over from an earlier checkpoint are there, and whole.

        Raises:
            CheckpointDamaged: one is not.
        """
        for id_ in ids:
            if id_ not in self._checked:
                kind, content = self._typed(id_)
                if ShaFile.from_raw_string(kind, content).id != id_:
                    raise CheckpointDamaged("What was kept of a file is not what it was. Look at the disk.")
                self._checked.add(id_)

    # reading

    def ids(self) -> tuple[str, ...]:
        """The checkpoints, in no order.

        Raises:
            CheckpointFailed: the references cannot be read.
        """
        if self._objects is None:
            return ()
        with _told("read"):
            return tuple(sorted(name.decode() for name in self._refs.subkeys(Ref(_REFS))))

    def content(self, id_: bytes) -> bytes:
        """What was kept under a hash.

        Raises:
            CheckpointDamaged: it is gone, or damaged.
        """
        self.verify((id_,))
        return self._raw(id_)

    def tree_of(self, checkpoint: str) -> bytes:
        """The hash of the folder of a checkpoint.

        Raises:
            CheckpointDamaged: it is no checkpoint, or damaged.
        """
        commit = self._parsed(checkpoint.encode())
        if not isinstance(commit, Commit):
            raise CheckpointDamaged(f"{clean_line(checkpoint, 8)} is no checkpoint.")
        return bytes(commit.tree)

    def entries(self, tree: bytes, below: str = "") -> dict[str, Entry]:
        """What lies in a folder, by its path in it, all depths; see `add_tree`.

        Args:
            tree: the hash of the folder.
            below: only what lies in this folder of it.
        Raises:
            CheckpointDamaged: it is damaged.
        """
        for name in filter(None, below.split("/")):
            found = self._items(tree).get(name)
            if found is None or found[0] != _FOLDER_MODE:
                return {}
            tree = found[1]
        return dict(self._walk(tree, ""))

    def find(self, tree: bytes, path: str) -> Entry | None:
        """What a path in a folder leads to; None where nothing is there.

        Raises:
            CheckpointDamaged: it is damaged.
        """
        entry: Entry | None = (_FOLDER_MODE, tree)
        for name in path.split("/"):
            if entry is None or entry[0] != _FOLDER_MODE:
                return None
            entry = self._items(entry[1]).get(name)
        return entry

    def _walk(self, tree: bytes, above: str) -> Iterator[tuple[str, Entry]]:
        for name, (mode, id_) in self._items(tree).items():
            if mode == _FOLDER_MODE:
                yield from self._walk(id_, f"{above}{name}/")
            else:
                yield f"{above}{name}", (mode, id_)

    def _items(self, tree: bytes) -> dict[str, Entry]:
        found = self._parsed(tree)
        if not isinstance(found, Tree):
            raise CheckpointDamaged("A folder of a checkpoint is something else.")
        with _told("read"):
            return {os.fsdecode(entry.path): (entry.mode, bytes(entry.sha)) for entry in found.items()}

    def _parsed(self, id_: bytes) -> ShaFile:
        kind, content = self._typed(id_)
        with _told("read"):
            thing = ShaFile.from_raw_string(kind, content)
            if thing.id != id_:
                raise CheckpointDamaged("What was kept is not what it was. Look at the disk.")
        return thing

    def _raw(self, id_: bytes) -> bytes:
        return self._typed(id_)[1]

    def _typed(self, id_: bytes) -> tuple[int, bytes]:
        with _told("read"):
            return self._open.get_raw(ObjectID(id_))

    # room

    def size_bytes(self) -> int:
        """How much room it takes."""
        total = 0
        for folder, _, names in os.walk(self.path):
            for name in names:
                try:
                    total += os.stat(os.path.join(folder, name), follow_symlinks=False).st_size  # noqa: PTH116, PTH118
                except FileNotFoundError:  # it was packed meanwhile by git itself
                    continue
        return total

    def loose(self) -> int:
        """How many objects lie about on their own."""
        return self._open.count_loose_objects()

    def drop(self, checkpoints: Collection[str]) -> None:
        """Forget checkpoints but the newest one, which is `HEAD`; `pack` gives their room back.

        Raises:
            CheckpointFailed: not all of them were forgotten.
        """
        with _told("forgotten"):
            refs = self._refs
            for id_ in checkpoints:
                refs.remove_if_equals(Ref(_REFS + id_.encode()), None)

    def pack(self) -> None:
        """Bring all that is kept into one file, and give back the room of what is not.

        Raises:
            CheckpointFailed: there is not as much room free as that may take for a while; nothing was changed.
        """
        from dulwich.gc import find_unreachable_objects

        with _told("packed"):
            needed, free = self.size_bytes(), os.statvfs(self.path)
            if free.f_bavail * free.f_frsize < needed:
                raise CheckpointFailed(
                    f"To pack the checkpoints {size(needed)} must be free for a while. Free some space, or lower "
                    "checkpoints.space_mb."
                )
            store, refs = self._open, self._refs
            gone = find_unreachable_objects(store, refs)
            refs.pack_refs(all=True)
            for id_ in gone:
                with suppress(FileNotFoundError):  # it is in a pack
                    store.delete_loose_object(id_)
            store.repack(exclude=set(gone))
            self._checked -= set(map(bytes, gone))

    # other machines

    def export(self, target: Path, checkpoints: Collection[str]) -> None:
        """Write checkpoints as a bundle that git reads; all of it or nothing.

        Args:
            target: a file that is not there yet.
            checkpoints: their hashes.
        Raises:
            FileNotSaved: it could not be written.
            CheckpointFailed: what is to be written cannot be read.
        """
        from tale_tui.engine.checkpoints.bundle import write_checkpoints

        part = target.with_name(f".{target.name[:40]}.{os.getpid()}.part")
        names = {f"refs/checkpoints/{id_}": id_.encode() for id_ in checkpoints}
        newest = self._refs.as_dict().get(_MAIN, b"")
        main = {"refs/heads/main": newest, "HEAD": newest} if newest.decode() in checkpoints else {}
        with _told("exported"):
            try:
                with part.open("xb") as file:
                    write_checkpoints(file, self._open, names | main)
                with target.open("xb"):  # nobody's file is written over
                    part.replace(target)
            except OSError as error:
                raise FileNotSaved(f"{clean_line(str(target))} cannot be written: {reason_of(error)}.") from error
            finally:
                part.unlink(missing_ok=True)

    def take_in(self, objects: Iterable[ShaFile], checkpoints: Collection[str]) -> None:
        """Keep objects of another machine, then the checkpoints that they make up.

        Raises:
            CheckpointFailed: a checkpoint is not whole, or they could not be written; none of them is there then.
        """
        for thing in objects:
            self._put(thing)
        for id_ in checkpoints:
            tree = self.tree_of(id_)
            self.verify(entry for _, entry in self.entries(tree).values())
        with _told("taken in"):
            for id_ in checkpoints:
                self._refs.set_if_equals(Ref(_REFS + id_.encode()), None, ObjectID(id_.encode()))


@contextmanager
def _told(what: str) -> Iterator[None]:
    """What the system and the library raise, as errors of ours.

    Args:
        what: was being done with the checkpoints, as in "read".
    Raises:
        CheckpointDamaged, CheckpointFailed: with the reason.
    """
    try:
        yield
    except FileLocked as error:
        raise CheckpointFailed("Another program works in the checkpoints. Try again when it has ended.") from error
    except OSError as error:
        # A file that was being written is given up now, with what that raises, and not when the error is forgotten.
        traceback.clear_frames(error.__traceback__)
        log.warning("the checkpoints cannot be %s: %s", what, error)
        how = what if what in ("opened", "read") else "written"
        raise CheckpointFailed(
            f"The folder checkpoints.git cannot be {how}: {reason_of(error)}. See that there is room, and that it may "
            "be read and written."
        ) from error
    except _BROKEN as error:
        raise CheckpointDamaged(f"The checkpoints cannot be {what}: a part of them is damaged or gone.") from error
