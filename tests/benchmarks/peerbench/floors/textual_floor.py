"""The floor for a Textual client: Input + Markdown, MarkdownStream, `ollama` client."""

import asyncio
import os

from textual import work
from textual.app import App
from textual.containers import VerticalScroll
from textual.widgets import Input, Markdown

HOST = os.environ.get("OLLAMA_HOST", "http://127.0.0.1:11555")


class Floor(App):
    CSS = "VerticalScroll { height: 1fr; } Markdown { height: auto; } Input { dock: bottom; }"
    BINDINGS = [("ctrl+q", "quit", "Quit")]

    def compose(self):
        with VerticalScroll(id="view"):
            yield Markdown("Floor ready")
        yield Input(placeholder="Ask something")

    def on_mount(self):
        self.query_one(Input).focus()
        self.query_one("#view").anchor()
        self.call_after_refresh(self.warm)

    @work(thread=True)
    def warm(self):
        import ollama  # after the first paint, so that neither the start nor the first answer waits for it

        self.client = ollama.AsyncClient(host=HOST)

    async def on_input_submitted(self, event):
        text, event.input.value = event.value, ""
        view = self.query_one("#view")
        await view.mount(Markdown(text))
        answer = Markdown("")
        await view.mount(answer)
        view.anchor()
        self.ask(text, answer)

    @work(exclusive=True)
    async def ask(self, text, answer):
        while not hasattr(self, "client"):
            await asyncio.sleep(0.01)
        client = self.client
        stream = Markdown.get_stream(answer)
        try:
            async for part in await client.chat(
                model="bench:latest", stream=True, messages=[{"role": "user", "content": text}]
            ):
                if part.message.content:
                    await stream.write(part.message.content)
        finally:
            await stream.stop()


if __name__ == "__main__":
    Floor().run()
