"""The process of a fit: what reaches it of the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tale_tui.engine.fitting.process import run_fit

pytestmark = pytest.mark.process


async def test_no_key_and_no_file_of_the_folder_where_the_user_is_reaches_a_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("TALE_OPENAI_KEY", "secret")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret")
    (tmp_path / "json.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    report = await run_fit("support.fit_child", (), ())
    assert (report.kept, report.error) == (True, "")
    assert "PYTHONPATH" in report.changes
    assert not [name for name in report.changes if name.endswith("_KEY") or "HEADERS" in name]
