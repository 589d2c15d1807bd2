"""The tasks screen, and what the chat shares with it."""
