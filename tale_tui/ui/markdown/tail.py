"""The end of a paragraph that is still being written, as it will look once what it has opened is closed."""

from __future__ import annotations

import re

_OPEN_LINK = re.compile(r"\[([^\[\]\n]*)\]\([^()\s]*\Z")
_OPEN_SIGN = re.compile(r"(?:\*{1,3}|_{1,3}|~~|`)\Z")
_CODE = re.compile(r"`+[^`]*`+")


def settle(text: str) -> str:
    """Close strong text, code and a link that `text` leaves open at its end, and drop a sign that opens nothing yet.

    Without it the signs would be shown until their partner comes, and the line would jump when it does.
    """
    text = _OPEN_LINK.sub(r"\1", text)
    if "`" in text:
        prose = _CODE.sub("", text)
        if "`" in prose:
            return text[:-1] if text.endswith("`") else text + "`"
    else:
        prose = text
    if prose.count("**") % 2:
        bare = _OPEN_SIGN.sub("", text).rstrip()
        return bare if text.endswith("*") and bare.count("**") % 2 == 0 else f"{bare}**"
    return text
