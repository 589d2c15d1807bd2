"""Words and signs that the window and the command line share; pure functions."""
