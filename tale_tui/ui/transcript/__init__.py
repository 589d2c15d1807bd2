"""The transcript: a line API over turns and cards."""
