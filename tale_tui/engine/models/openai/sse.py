"""Reading server-sent events whose data are JSON, as they should be and as some servers write them."""

from __future__ import annotations

from tale_tui.engine.models.loose import read_object

_DONE = b"[DONE]"


class EventReader:
    """Finds the objects in the lines of an event stream.

    An object is returned as soon as it is whole, so that a missing blank line between two events does no harm. Comments
    and fields other than `data` are passed over, but for `error`, which old versions of llama-server send, and for an
    object without any field name.
    """

    def __init__(self) -> None:
        self.done = False
        """Whether the server said that the stream ends here."""
        self._data: list[bytes] = []

    def feed(self, line: bytes) -> dict[str, object] | None:
        """Take a line without its end; returns the object that it completes.

        Raises:
            ValueError: the data are no object.
        """
        if not line:
            if self._data:
                raise ValueError("an event that is no JSON object")
            return None
        name, _, value = line.partition(b":")
        if line.startswith(b"{"):
            value = line
        elif name == b"error":
            return {"error": read_object(value) or value.decode(errors="replace")}
        elif name != b"data":
            return None
        value = value.strip()
        if value == _DONE:
            self.done = True
            return None
        if not value:
            return None
        self._data.append(value)
        found = read_object(b"\n".join(self._data))
        if found is not None:
            self._data.clear()
        elif not self._data[0].startswith(b"{"):
            raise ValueError("an event that is no JSON object")
        return found
