"""Tasks and their steps, as they are kept: their rows, what becomes of them, and what each step wrote."""
