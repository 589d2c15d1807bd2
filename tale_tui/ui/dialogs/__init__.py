"""Dialogs, each with its style sheet."""
