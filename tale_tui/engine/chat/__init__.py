"""Conversations: how a turn goes, and what a model is shown of what was said."""
