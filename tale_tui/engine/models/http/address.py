"""Addresses of servers: read as tolerantly as people write them, and what may be sent there."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from tale_tui.domain.text import clean_line

OLLAMA_PORT = 11434
"""Where Ollama listens unless told otherwise."""
COLLECTOR_PORT = 4318
"""Where a collector of OpenTelemetry takes what is sent over HTTP, unless told otherwise."""
OLLAMA_CLOUD = "ollama.com"
"""The one host that is https without saying so."""
_SCHEME_PORTS = {"http": 80, "https": 443}
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 # nosec B104 # never listened on: nobody can connect to them
_CALLS = ("/chat/completions", "/completions", "/responses", "/embeddings", "/models")
"""Paths of calls behind the base of an OpenAI-compatible server."""
_EXAMPLE = "Write it like http://127.0.0.1:{port}."


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is.

    Attributes:
        url: scheme, host, port and path, without a slash at the end and without a user.
        secure: whether what is sent there is encrypted.
        loopback: whether it is this machine.
    """

    url: str
    secure: bool
    loopback: bool

    @property
    def private(self) -> bool:
        """Whether nobody on the way can read what is sent there."""
        return self.secure or self.loopback


def ollama_address(text: str) -> Address:
    """Read OLLAMA_HOST as Ollama's own command does.

    A host alone means http and port 11434; with a scheme it means that scheme's port; `ollama.com` means https. What a
    server is told to listen on (0.0.0.0) becomes the address that reaches it. User and password are dropped.

    Raises:
        ValueError: it is no address; the sentence says what would be one.
    """
    text = text.strip().strip("\"'").strip()
    if text == OLLAMA_CLOUD:
        text = f"https://{OLLAMA_CLOUD}"
    return _read(text, OLLAMA_PORT)


def openai_address(text: str) -> Address:
    """Read the base address of an OpenAI-compatible server; without a path it gets `/v1`.

    The address of a single call, as documentation and other programs have it, means its base.

    Raises:
        ValueError: it is no address; the sentence says what would be one.
    """
    address = _read(text.strip(), _SCHEME_PORTS["http"])
    call = next((call for call in _CALLS if address.url.endswith(call)), "")
    url = address.url.removesuffix(call).rstrip("/")
    return Address(url if urlsplit(url).path else f"{url}/v1", address.secure, address.loopback)


def collector_address(text: str) -> Address:
    """Read the address of an OpenTelemetry collector.

    Raises:
        ValueError: it is no address; the sentence says what would be one.
    """
    return _read(text.strip(), COLLECTOR_PORT)


def _read(text: str, port_alone: int) -> Address:
    """Read an address.

    Args:
        text: as written; empty means this machine.
        port_alone: the port where neither a port nor a scheme is written.
    Raises:
        ValueError: it is no address.
    """
    shown = clean_line(text.rpartition("@")[2])
    complaint = f"“{shown}” is not the address of a server. {_EXAMPLE.format(port=port_alone)}"
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    scheme = scheme.lower()
    if scheme not in _SCHEME_PORTS:
        raise ValueError(complaint)
    try:
        parts = urlsplit(f"{scheme}://{_bracketed(rest)}")
        port = parts.port or (_SCHEME_PORTS[scheme] if separator else port_alone)
    except ValueError as error:
        raise ValueError(complaint) from error
    host = parts.hostname or "127.0.0.1"
    host = _ANY.get(host, host)
    written = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{written}:{port}{parts.path.rstrip('/')}"
    if not _is_possible(host, url):
        raise ValueError(complaint)
    return Address(url, secure=scheme == "https", loopback=is_loopback(host))


def _bracketed(rest: str) -> str:
    """Put brackets round an IPv6 address that was written without."""
    try:
        return f"[{ipaddress.IPv6Address(rest)}]"
    except ValueError:
        return rest


def _is_possible(host: str, url: str) -> bool:
    """Whether the host can be looked up and the address be asked; later either would raise what no caller expects."""
    try:
        host.encode("idna")
        httpx.URL(url)
    except (UnicodeError, httpx.InvalidURL):
        return False
    return not set(host) & set(" \\^`{|}<>\"'")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: `localhost`, a name below it, or an address of the loopback network."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback
