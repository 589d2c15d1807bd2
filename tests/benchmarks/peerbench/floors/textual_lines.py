"""The same client with a line-API transcript: finished blocks are strips in a list, only the block being written is
rendered again, at most 25 times a second. Rough (no selection, no links); it shows what Textual can do, not how to write it."""

import asyncio
import importlib
import os
import threading

from rich.markdown import Markdown
from rich.segment import Segment
from textual.app import App
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Input

HOST = os.environ.get("OLLAMA_HOST", "http://127.0.0.1:11555")
FLUSHES_PER_SECOND = 25


class Transcript(ScrollView):
    def on_mount(self):
        self.finished, self.live, self.tail, self.dirty = [], [], "Floor ready\n\n", True
        self.set_interval(1 / FLUSHES_PER_SECOND, self.flush)

    def add(self, text):
        self.tail += text
        self.dirty = True

    def strips(self, markdown):
        width = self.size.width - 2
        options = self.app.console.options.update(width=width)
        rendered = self.app.console.render(Markdown(markdown), options)
        return [Strip(line) for line in Segment.split_and_crop_lines(rendered, width, include_new_lines=False)]

    def flush(self):
        if not self.dirty:
            return
        self.dirty = False
        end, fenced, position = 0, False, 0
        for line in self.tail.splitlines(True):
            fenced ^= line.startswith("```")
            position += len(line)
            if not fenced and line == "\n":
                end = position
        if end:
            self.finished += [*self.strips(self.tail[:end]), Strip.blank(self.size.width)]
            self.tail = self.tail[end:]
        self.live = self.strips(self.tail) if self.tail else []
        self.virtual_size = Size(self.size.width - 2, len(self.finished) + len(self.live))
        self.scroll_end(animate=False, immediate=True)
        self.refresh()

    def render_line(self, y):
        row = y + self.scroll_offset.y
        if row < len(self.finished):
            return self.finished[row]
        row -= len(self.finished)
        return self.live[row] if row < len(self.live) else Strip.blank(self.size.width)


class Floor(App):
    CSS = "Transcript { height: 1fr; } Input { dock: bottom; }"
    BINDINGS = [("ctrl+q", "quit", "Quit")]

    def compose(self):
        yield Transcript()
        yield Input(placeholder="Ask something")

    def on_mount(self):
        self.query_one(Input).focus()
        threading.Thread(target=lambda: importlib.import_module("ollama"), daemon=True).start()

    def on_input_submitted(self, event):
        text, event.input.value = event.value, ""
        self.run_worker(self.ask(text))

    async def ask(self, text):
        import ollama

        transcript = self.query_one(Transcript)
        transcript.add(f"\n\n**you** {text}\n\n")
        client = ollama.AsyncClient(host=HOST)
        messages = [{"role": "user", "content": text}]
        async for part in await client.chat(model="bench:latest", stream=True, messages=messages):
            transcript.add(part.message.content or "")
            await asyncio.sleep(0)


if __name__ == "__main__":
    Floor().run()
