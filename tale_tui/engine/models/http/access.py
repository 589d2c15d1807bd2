"""How a server is reached: the proxy and the certificates that the environment names.

This machine itself is reached whatever the environment holds. For a server elsewhere a variable that cannot be used is
an error that names it: what was to go through a proxy never goes around it.
"""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from tale_tui.config.environment import copy_environment, set_aside
from tale_tui.domain.errors import NotAvailable
from tale_tui.engine.models.http.address import Address

CERTIFICATE_FILE = "SSL_CERT_FILE"
CERTIFICATE_FOLDER = "SSL_CERT_DIR"
_SESSION_KEYS = "SSLKEYLOGFILE"
"""Has Python write down what decrypts a connection, and fails where that file cannot be made."""
_SETTINGS_OF_THE_SYSTEM = "the settings of this system"
_PROXY_EXAMPLE = "Write it like http://proxy.example:3128 or socks5://127.0.0.1:1080"
_BROADER = {"socks": "socks5"}
"""Schemes that desktops write, and what they mean."""


@dataclass(frozen=True, slots=True)
class ServerAccess:
    """What a client of one server is made with.

    Attributes:
        verify: the certificates that are trusted.
        proxy: what stands before the server; None for nothing.
        proxy_variable: where that was named, for sentences.
    """

    verify: ssl.SSLContext
    proxy: httpx.Proxy | None = None
    proxy_variable: str = ""


def find_access(address: Address) -> ServerAccess:
    """Read the environment for one server.

    Raises:
        NotAvailable: it is elsewhere, and a variable that concerns it cannot be used; the sentence names that.
    """
    if address.loopback:
        return ServerAccess(_trusted_here(address))
    proxy, variable = _proxy_for(address)
    return ServerAccess(_trusted(address), proxy, variable)


def is_network_variable(name: str) -> bool:
    """Whether a library that makes a client reads the variable of this name."""
    return name.lower().endswith("_proxy") or name in (CERTIFICATE_FILE, CERTIFICATE_FOLDER, _SESSION_KEYS)


def _proxy_for(address: Address) -> tuple[httpx.Proxy | None, str]:
    """The proxy before a server, and where it is named."""
    parts = urlsplit(address.url)
    environ = copy_environment()
    named = getproxies()
    found = next((scheme for scheme in (parts.scheme, "all") if named.get(scheme)), None)
    host = parts.hostname or ""
    if found is None or any(proxy_bypass(written) for written in (host, f"[{host}]" if ":" in host else host)):
        return None, ""
    spellings = (f"{found}_proxy", f"{found}_proxy".upper())
    variable = next((name for name in spellings if environ.get(name)), _SETTINGS_OF_THE_SYSTEM)
    scheme, separator, rest = named[found].strip().rpartition("://")
    try:
        proxy = httpx.Proxy(f"{_BROADER.get(scheme.lower(), scheme)}://{rest}" if separator else f"http://{rest}")
    except (ValueError, httpx.InvalidURL):
        proxy = None
    if proxy is None or not proxy.url.host or "%" in proxy.url.host:  # httpx encodes signs that no host has
        raise NotAvailable(
            f"{address.url} is reached through a proxy, and what {variable} holds is not the address of one. "
            f"{_PROXY_EXAMPLE}, or name the server in NO_PROXY."
        )
    return proxy, variable


def _trusted(address: Address) -> ssl.SSLContext:
    """The certificates for a server elsewhere. Loading them takes 20 ms, so without encryption there are none."""
    if not address.secure:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    environ = copy_environment()
    variable = next((name for name in (CERTIFICATE_FILE, CERTIFICATE_FOLDER) if environ.get(name)), "")
    with set_aside(lambda name: name == _SESSION_KEYS):
        if not variable:
            return httpx.create_ssl_context(trust_env=False)
        place = Path(environ[variable])
        usable = place.is_file() if variable == CERTIFICATE_FILE else place.is_dir()
        if usable and os.access(place, os.R_OK):
            with suppress(OSError):  # it holds no certificates; errors of the encryption are such errors too
                if variable == CERTIFICATE_FILE:
                    return ssl.create_default_context(cafile=place)
                return ssl.create_default_context(capath=place)
    kind = "a file" if variable == CERTIFICATE_FILE else "a folder"
    raise NotAvailable(
        f"{variable} does not name {kind} of certificates that can be read, so {address.url} cannot be trusted. "
        "Correct the variable, or remove it."
    )


def _trusted_here(address: Address) -> ssl.SSLContext:
    """The certificates for a server on this machine: those that the environment names, where they can be used."""
    try:
        return _trusted(address)
    except NotAvailable:
        with set_aside(is_network_variable):
            return httpx.create_ssl_context(trust_env=False)
