"""Whatever is asked in whatever order: the shown branch is the one that a simple model of the tree predicts."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import Author, MessageState, Transcript
from tale_tui.engine.store.store import Store

same_each_time = settings(derandomize=True, deadline=None, max_examples=40)
# What is done, and to which of the messages that there are (taken modulo their number).
STEPS = st.lists(
    st.tuples(st.sampled_from(["turn", "edit", "regenerate", "next", "previous"]), st.integers(0, 50)), max_size=25
)


@dataclass
class Node:
    """A message as the model of the tree knows it; the root stands above the first ones."""

    id: str
    author: Author
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)
    shown: int = -1

    def add(self, id_: str, author: Author) -> Node:
        node = Node(id_, author, self)
        self.children.append(node)
        node.show()
        return node

    def show(self) -> None:
        if self.parent is not None:
            self.parent.shown = self.parent.children.index(self)
            self.parent.show()

    def branch(self) -> list[Node]:
        return [self, *self.children[self.shown].branch()] if self.children else [self]


def matches(root: Node, transcript: Transcript) -> None:
    branch = root.branch()[1:]
    assert [message.id for message in transcript.messages] == [node.id for node in branch]
    for node, message in zip(branch, transcript.messages, strict=True):
        assert node.parent is not None
        assert message.parent_id == (node.parent.id or None)
        assert (message.sibling, message.siblings) == (node.parent.shown + 1, len(node.parent.children))
    assert transcript.session.turns == sum(node.author is Author.USER for node in branch)


async def play(store: Store, steps: list[tuple[str, int]]) -> tuple[str, Node]:
    session = await store.add_session()
    root, nodes = Node("", Author.ASSISTANT), list[Node]()
    for number, (what, which) in enumerate(steps):
        node = nodes[which % len(nodes)] if nodes else root
        if what == "turn" or not nodes:
            user, reply, *_ = await store.begin_turn(session.id, user_id=f"u{number}", text="text", reply_ref=None)
            asked = root.branch()[-1].add(user.id, Author.USER)
            nodes += [asked, asked.add(reply.id, Author.ASSISTANT)]
        elif what == "edit" and node.author is Author.USER and node.parent:
            user, reply, *_ = await store.begin_turn(session.id, user_id=f"u{number}", text="text", beside=node.id)
            asked = node.parent.add(user.id, Author.USER)
            nodes += [asked, asked.add(reply.id, Author.ASSISTANT)]
        elif what == "regenerate" and node.author is Author.USER:
            reply = await store.begin_reply(session.id, node.id)
            nodes.append(node.add(reply.id, Author.ASSISTANT))
        elif what in ("next", "previous") and node.parent:
            step = 1 if what == "next" else -1
            family = node.parent.children
            family[(family.index(node) + step) % len(family)].show()
            matches(root, await store.show_sibling(session.id, node.id, step))
        matches(root, await store.transcript(session.id))
    return session.id, root


async def play_and_look_again(path: Path, steps: list[tuple[str, int]]) -> None:
    numbers = itertools.count()
    async with AsyncExitStack() as closing:
        store = await Store.open(path, Clock(now=lambda: 1.0, new_id=lambda: f"id{next(numbers)}"))
        closing.push_async_callback(store.close)
        session_id, root = await play(store, steps)
        await store.close()
        again = await Store.open(path, Clock())
        closing.push_async_callback(again.close)
        transcript = await again.transcript(session_id)
        matches(root, transcript)
        assert not any(message.state is MessageState.STREAMING for message in transcript.messages)


@pytest.mark.long
@same_each_time
@given(STEPS)
def test_the_shown_branch_is_the_one_that_was_asked_for(steps: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(play_and_look_again(Path(folder) / "tale.db", steps))
