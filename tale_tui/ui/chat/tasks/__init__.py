"""The tasks of a conversation: their cards, what can be done with them, those that were left open."""
