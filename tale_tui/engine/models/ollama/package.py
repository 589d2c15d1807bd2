"""The `ollama` package, imported so that no variable of the environment can keep it from that."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from tale_tui.config.environment import set_aside
from tale_tui.config.keys import OLLAMA_KEY_VARIABLE
from tale_tui.engine.models.http.access import is_network_variable

PACKAGE = "ollama"
HOST_VARIABLE = "OLLAMA_HOST"
PLACEHOLDER = {"authorization": "none"}
"""Headers for a client of the package, which else takes a key from the environment by itself, whatever that holds. What
is sent is for `KeyAuth` to say, which replaces this."""


def import_package() -> ModuleType:
    """The package. May be called from several threads; the first time it takes a fifth of a second.

    While it is imported it makes a client that nobody uses, with the proxies and certificates and for the server that
    the environment names: one that cannot be used would end the import.
    """
    if PACKAGE in sys.modules:
        return import_module(PACKAGE)
    with set_aside(_concerns_import, NO_PROXY="*"):  # else the proxies of the system are looked at
        return import_module(PACKAGE)


def _concerns_import(name: str) -> bool:
    return is_network_variable(name) or name in (HOST_VARIABLE, OLLAMA_KEY_VARIABLE)
