"""What calls depend on besides their model, as it is now: what changed when a model got worse is found in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from tale_tui import __version__
from tale_tui.config.settings import Settings
from tale_tui.domain.models import BackendName, ModelRef, Role

GROUPS = ("ollama", "openai", "embedded", "chat", "route", "tasks", "memory")
"""The settings that change what calls are and take."""
HASH_CHARACTERS = 12


def environment(
    settings: Settings, models: Mapping[Role, ModelRef | None], servers: Mapping[BackendName, str]
) -> dict[str, str]:
    """Name -> value, both for the user; of a text of the settings only a hash, as it may be private.

    Args:
        settings: all of them.
        models: of the roles.
        servers: the versions of the backends, as far as they said them.
    """
    found = {"the version of tale-tui": __version__}
    found |= {f"the version of {name.value}": version for name, version in servers.items() if version}
    found |= {f"the model of {role.value}": str(ref) for role, ref in models.items() if ref is not None}
    for group in GROUPS:
        for name, value in getattr(settings, group).model_dump().items():
            if isinstance(value, str):
                digest = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()
                found[f"the text of {group}.{name}"] = digest[:HASH_CHARACTERS]
            else:
                found[f"{group}.{name}"] = "not set" if value is None else str(value)
    return found
