"""Models on an Ollama server: the backend, the connection, what is asked and what comes back."""
