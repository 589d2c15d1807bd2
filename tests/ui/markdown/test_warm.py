"""What is imported before the first text, and what is not."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import tale_tui.ui.transcript.view
late = {"markdown_it", "linkify_it", "pygments.lexers.python", "pydantic", "httpx", "tale_tui.domain.conversation"}
early = late & set(sys.modules)
assert not early, early
from tale_tui.ui.markdown import warm
warm()
assert {"markdown_it", "linkify_it", "pygments.lexers.python"} <= set(sys.modules)
"""


def test_the_readers_are_imported_when_they_are_wanted() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True)
