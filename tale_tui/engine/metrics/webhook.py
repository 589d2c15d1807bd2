"""Posts an alert to an address. Loaded where there is one to be posted."""

from __future__ import annotations

import asyncio
import logging

import httpx

from tale_tui import __version__
from tale_tui.domain.alerts import Alert
from tale_tui.engine.metrics.payload import NotDelivered, payload

log = logging.getLogger(__name__)

ERROR_FROM = 300
"""A status from here on says that it was not taken; nothing is followed to another address."""


async def post(address: str, alert: Alert) -> None:
    """Post an alert as JSON; what is answered is not read. Whoever calls limits the time.

    Raises:
        NotDelivered: it was not taken.
    """
    # What it trusts is read from the disk, which takes longer than the event loop may be held up.
    client = await asyncio.to_thread(httpx.AsyncClient, timeout=None)
    headers = {"content-type": "application/json", "user-agent": f"tale-tui/{__version__}"}
    async with client:
        try:
            async with client.stream("POST", address, content=payload(alert), headers=headers) as answer:
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.info("the address for alerts: %s: %s", type(error).__name__, error)
            raise NotDelivered(_reason(error)) from error
    if status >= ERROR_FROM:
        raise NotDelivered(f"it answered {status}")


def _reason(error: httpx.HTTPError | httpx.InvalidURL) -> str:
    match error:
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return "it is no address that can be posted to; correct alerts.webhook"
        case httpx.ConnectError() | httpx.ProxyError():
            return "it cannot be reached; the log says more"
    return "the connection broke off before it answered; the log says more"
