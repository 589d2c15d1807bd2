"""Checkpoints as one file that git reads: a bundle (version 2)."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dulwich.bundle import Bundle, read_bundle, write_bundle
from dulwich.errors import ApplyDeltaError, ChecksumMismatch, FileFormatException, ObjectFormatException
from dulwich.object_store import DiskObjectStore
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tree
from dulwich.pack import PackData, PackInflater, UnpackedObject, UnresolvedDeltas
from dulwich.refs import Ref

from tale_tui.domain.errors import BadBundle
from tale_tui.domain.text import clean_line, reason_of
from tale_tui.formatting.units import size

REFS = b"refs/checkpoints/"
_BROKEN = (
    *(ApplyDeltaError, ChecksumMismatch, FileFormatException, ObjectFormatException, UnresolvedDeltas),
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, TypeError, ValueError),
    *(struct.error, zlib.error),
)
"""What the library stumbles over where bytes are no bundle: it does not check them before it reads on."""
_REF = re.compile(re.escape(REFS) + rb"([0-9a-f]{40})")


class _Packed:
    """The objects of a bundle that is about to be written."""

    def __init__(self, store: DiskObjectStore, wanted: list[ObjectID]) -> None:
        self._count, objects = store.generate_pack_data((), wanted)
        self._objects = list(objects)
        self.object_format = store.object_format

    def __len__(self) -> int:
        return self._count

    def iter_unpacked(self) -> Iterator[UnpackedObject]:
        return iter(self._objects)

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class ReadBundle:
    """What a bundle holds."""

    checkpoints: tuple[str, ...]
    objects: tuple[ShaFile, ...]


def write_checkpoints(file: BinaryIO, store: DiskObjectStore, checkpoints: Mapping[str, bytes]) -> None:
    """Write checkpoints and all that they hold.

    Args:
        file: takes it.
        store: has the objects.
        checkpoints: by the name of the reference under which git shows each, its hash.
    """
    bundle = Bundle()
    bundle.version, bundle.capabilities, bundle.prerequisites = 2, {}, []
    bundle.references = {Ref(name.encode()): ObjectID(id_) for name, id_ in checkpoints.items()}
    bundle.pack_data = _Packed(store, list(dict.fromkeys(bundle.references.values())))
    with bundle:
        write_bundle(file, bundle)


def read_checkpoints(path: Path, limit_bytes: int) -> ReadBundle:
    """Read a bundle, which comes from anywhere.

    Args:
        path: the file.
        limit_bytes: it may have so many, and so many when it is unpacked.
    Raises:
        BadBundle: it is none, is damaged, too large, or holds something else than checkpoints.
    """
    shown = clean_line(str(path))
    try:
        with path.open("rb") as file:
            length = path.stat().st_size
            if length > limit_bytes:
                raise BadBundle(f"{shown} has {size(length)}, and checkpoints.space_mb allows {size(limit_bytes)}.")
            with read_bundle(file) as bundle:
                return _checked(bundle, limit_bytes)
    except OSError as error:
        raise BadBundle(f"{shown} cannot be read: {reason_of(error)}.") from error
    except BadBundle:
        raise
    except _BROKEN as error:
        raise BadBundle(f"{shown} is no bundle of checkpoints, or is damaged. Export it again.") from error


def _checked(bundle: Bundle, limit_bytes: int) -> ReadBundle:
    found = [match[1].decode() for name in bundle.references if (match := _REF.fullmatch(name))]
    if bundle.prerequisites or not found or not isinstance(bundle.pack_data, PackData):
        raise BadBundle("The bundle holds no checkpoints. Take one that `tale-tui checkpoints export` wrote.")
    objects, total = list[ShaFile](), 0
    for thing in PackInflater.for_pack_data(bundle.pack_data):
        total += thing.raw_length()
        if total > limit_bytes:
            raise BadBundle(f"What the bundle holds is more than {size(limit_bytes)}, as checkpoints.space_mb allows.")
        if not isinstance(thing, Blob | Tree | Commit):
            raise BadBundle("The bundle holds something else than checkpoints.")
        thing.check()
        objects.append(thing)
    return ReadBundle(tuple(found), tuple(objects))
