"""Conversations: sessions, their turns and messages as a tree, what sums them up, looked through, taken out and in."""
