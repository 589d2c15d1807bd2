"""Going back to a checkpoint of something gives just that, whatever was done since."""

from __future__ import annotations

import shutil
import stat
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tale_tui.domain.checkpoints import Checkpoint, CheckpointKind
from tale_tui.engine.checkpoints.entry import EXECUTABLE_MODE, FileKey
from tale_tui.engine.checkpoints.folder import FolderReader
from tale_tui.engine.checkpoints.going_back import carry_out, file_steps
from tale_tui.engine.checkpoints.history import over_budget, too_old
from tale_tui.engine.checkpoints.repository import CheckpointRepository, Entry

PART = st.text(st.characters(codec="utf-8", exclude_characters="/\0\\"), min_size=1, max_size=8).filter(
    lambda part: part not in (".", "..") and part.lower() not in (".git", ".gitignore") and not part.startswith(".tale")
)
PATHS = st.lists(PART, min_size=1, max_size=3).map("/".join)
FOLDERS = st.dictionaries(PATHS, st.tuples(st.binary(max_size=200), st.booleans()), max_size=8)


def fill(root: Path, files: dict[str, tuple[bytes, bool]]) -> dict[str, tuple[bytes, bool]]:
    """Write files; what cannot be there together with what is there already is left out."""
    written = {}
    for path, (content, runs) in files.items():
        place = root / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        except OSError:
            continue
        place.chmod(0o755 if runs else 0o644)
        written[path] = content, runs
    return written


def found_in(root: Path) -> dict[str, bytes]:
    return {str(one.relative_to(root)): one.read_bytes() for one in root.rglob("*") if one.is_file()}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FOLDERS, FOLDERS)
def test_restoring_a_checkpoint_gives_what_it_was_made_of(
    first: dict[str, tuple[bytes, bool]], then: dict[str, tuple[bytes, bool]]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        work = Path(name) / "work"
        work.mkdir()
        repository = CheckpointRepository(Path(name) / "checkpoints.git")
        repository.open()
        reader = FolderReader(repository.add, 5_000_000)

        def kept() -> dict[FileKey, Entry]:
            entries = reader.scan("t", work).entries
            id_ = repository.commit(repository.add_tree(entries), "kept", 1e9)
            again = repository.entries(repository.tree_of(id_))
            assert again == entries
            return {("t", path): entry for path, entry in again.items()}

        fill(work, first)
        was, entries = found_in(work), kept()
        runs = {path for (_, path), entry in entries.items() if entry[0] == EXECUTABLE_MODE}
        assert runs == {path for path in was if (work / path).stat().st_mode & stat.S_IXUSR}
        shutil.rmtree(work)
        work.mkdir()
        fill(work, then)
        recorded = kept()
        wanted = {key: entries.get(key) for key in entries | recorded}
        carry_out(file_steps(wanted, recorded, lambda _: work), repository.content, lambda _: work)
        assert found_in(work) == was
        assert file_steps(wanted, recorded, lambda _: work) == ()
        repository.close()


DAY = 86_400.0
AGES = st.lists(st.floats(0, 100 * DAY), max_size=60)


@given(AGES, st.data())
def test_thinning_keeps_all_of_a_day_and_what_the_user_wished(ages: list[float], data: st.DataObject) -> None:
    now = 2e9
    kinds = data.draw(
        st.lists(st.sampled_from((CheckpointKind.STEP, CheckpointKind.KEPT)), min_size=len(ages), max_size=len(ages))
    )
    known = [
        Checkpoint(f"{number:040x}", now - age, number, kind, "", "group")
        for number, (age, kind) in enumerate(zip(ages, kinds, strict=True))
    ]
    gone = set(too_old(known, now))
    left = [one for one in known if one.id not in gone]
    assert all(one in left for one in known if now - one.at <= DAY or one.kind is CheckpointKind.KEPT)
    if known:
        assert max(known, key=lambda one: (one.at, one.number)) in left
    hours = [one for one in left if DAY < now - one.at <= 7 * DAY and one.kind is not CheckpointKind.KEPT]
    assert len(hours) <= 6 * 24 + 2
    days = [one for one in left if now - one.at > 7 * DAY and one.kind is not CheckpointKind.KEPT]
    assert len(days) <= 24 + 3
    assert set(too_old(left, now)) == set(), "the same look again finds nothing more"
    assert all(one.kind is not CheckpointKind.KEPT for one in known if one.id in set(over_budget(known)))
