"""The terminal itself: how it is read and written, and the only room that touches private names of Textual."""
