"""Keys that the user chose."""

from __future__ import annotations

from textual.binding import Binding

from tale_tui.ui.dialogs.help import command_lines, help_groups
from tale_tui.ui.keys import complaints, keys_now

ROOM = (
    "Room",
    [Binding("a", "one", "One", id="room.one"), Binding("b,c", "two", "Two", id="room.two"), ("x", "y", "z")],
)
HALL = ("Hall", [Binding("a", "three", "Three", id="hall.three")])


def test_the_users_keys_take_the_place_of_the_declared_ones() -> None:
    assert [binding.key for binding in keys_now(ROOM[1], {"room.two": "d"})] == ["a", "d"]


def test_all_is_well_without_a_clash() -> None:
    assert complaints([ROOM, HALL], {"room.one": "z"}) == []
    assert complaints([ROOM, HALL], {}) == []


def test_two_things_on_one_key_in_one_place_are_told_once() -> None:
    assert complaints([ROOM, HALL], {"room.one": "c"}) == [
        "The settings give c to room.one; room.two does not have it any more."
    ]
    assert len(complaints([ROOM, HALL], {"room.one": "z", "room.two": "z"})) == 1


def test_a_swap_is_no_clash() -> None:
    assert complaints([ROOM], {"room.one": "b", "room.two": "a"}) == []


def test_the_same_key_in_two_places_is_no_clash() -> None:
    assert complaints([ROOM, HALL], {"hall.three": "b"}) == []


def test_an_id_that_does_not_exist_names_the_nearest() -> None:
    assert complaints([ROOM], {"room.tow": "z"}) == [
        "The settings give a key to 'room.tow', which does not exist. Did you mean room.two?"
    ]


def test_ids_of_rooms_that_are_not_looked_at_are_left_alone() -> None:
    assert complaints([ROOM], {"elsewhere.one": "z"}) == []


def test_the_help_shows_the_keys_as_they_are_now() -> None:
    (group,) = help_groups([ROOM], {"room.one": "ctrl+k"})
    assert group.lines == (("ctrl+k", "One"), ("b c", "Two"))


def test_the_help_shows_every_command() -> None:
    assert ("/model [backend/model]", "Choose the model that answers") in command_lines()
