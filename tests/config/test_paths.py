"""Where things are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tale_tui.config.paths import Paths, below, find_paths


def test_tale_home_moves_all_folders(tmp_path: Path) -> None:
    paths = find_paths({"TALE_HOME": str(tmp_path)})
    assert paths == below(tmp_path)
    folders = (paths.config, paths.data, paths.cache, paths.logs)
    assert len(set(folders)) == 4
    assert all(folder.parent == tmp_path for folder in folders)


def test_everything_lies_in_the_folders(tmp_path: Path) -> None:
    paths = below(tmp_path)
    assert paths.settings_file == tmp_path / "config" / "config.toml"
    assert paths.user_themes == tmp_path / "config" / "themes"
    assert paths.database == tmp_path / "data" / "tale.db"
    assert paths.models == tmp_path / "data" / "models"
    assert paths.log_file == tmp_path / "logs" / "tale-tui.log"


def test_a_relative_home_is_made_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_paths({"TALE_HOME": "here"}).data == tmp_path / "here" / "data"


def test_a_tilde_is_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_paths({"TALE_HOME": "~/tale"}).data == tmp_path / "tale" / "data"
    assert find_paths({"TALE_HOME": "~nobody-of-that-name/tale"}).data.is_absolute()


@pytest.mark.parametrize("environ", [{}, {"TALE_HOME": ""}])
def test_without_it_the_system_says(environ: dict[str, str]) -> None:
    paths = find_paths(environ)
    assert all("tale-tui" in str(folder) for folder in (paths.config, paths.data, paths.cache, paths.logs))


def test_the_folders_are_their_owners_alone(tmp_path: Path) -> None:
    paths = below(tmp_path / "new" / "home")
    paths.make()
    paths.make()
    for folder in (paths.config, paths.data, paths.cache, paths.logs):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_file_in_the_way_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(OSError, match="data"):
        Paths(tmp_path / "config", tmp_path / "data", tmp_path / "cache", tmp_path / "logs").make()
