"""What is remembered beyond a session: what is worth it, how it is found, and what of it a model is offered."""
