"""What is told once when it is passed: the rows of it, and the figures that are watched."""
