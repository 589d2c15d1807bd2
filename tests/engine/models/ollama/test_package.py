"""The `ollama` package is imported whatever the environment holds, and the environment is as it was afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support.network import free_port

IMPORT = """
import os, threading
before = dict(os.environ)
from tale_tui.engine.models.ollama.package import import_package
found = []
threads = [threading.Thread(target=lambda: found.append(import_package())) for _ in range(4)]
[one.start() for one in threads], [one.join() for one in threads]
assert len(found) == 4 and all(one is found[0] for one in found)
assert dict(os.environ) == before
print(found[0].AsyncClient.__name__)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "variables",
    [
        {"ALL_PROXY": "socks4://127.0.0.1:1"},
        {"HTTP_PROXY": "http://proxy:port", "https_proxy": "ftp://x"},
        {"NO_PROXY": "[::1]", "HTTP_PROXY": f"http://127.0.0.1:{free_port()}"},
        {"SSL_CERT_FILE": "/nowhere.pem"},
        {"SSL_CERT_DIR": "/nowhere", "SSLKEYLOGFILE": "/nowhere/keys"},
        {"OLLAMA_HOST": " "},
        {"OLLAMA_HOST": "127.0.0.1 :11434"},
        {"OLLAMA_HOST": "127.0.0.1:port"},
        {"OLLAMA_API_KEY": "first\nsecond"},
        {"OLLAMA_API_KEY": "clé"},
    ],
)
def test_the_package_is_imported_whatever_the_environment_holds(variables: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IMPORT],
        env={"PYTHONPATH": ":".join(sys.path)} | variables,
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout) == (0, "AsyncClient\n"), ended.stderr
