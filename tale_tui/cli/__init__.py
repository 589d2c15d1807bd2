"""The command line: one file a group of commands. It imports the screen only when the screen is what was asked for."""
