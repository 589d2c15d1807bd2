"""Where things are, what the user set, what is logged."""
