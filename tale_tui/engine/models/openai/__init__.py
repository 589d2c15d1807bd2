"""Models on any server that speaks /v1/chat/completions: the connection, what is asked and what comes back."""
