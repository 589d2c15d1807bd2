"""Posts an alert to an address. Loaded where there is one to be posted."""

from __future__ import annotations

import asyncio

import httpx

from tale_tui import __version__
from tale_tui.domain.alerts import Alert
from tale_tui.domain.text import clean_line
from tale_tui.engine.metrics.payload import NotDelivered, payload

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
            raise NotDelivered(clean_line(str(error)) or type(error).__name__) from error
    if status >= ERROR_FROM:
        raise NotDelivered(f"it answered {status}")
