"""What is foreseen of a task before it runs, learned from examples and from what ran before it on this machine."""
