"""What was kept of sessions, tasks and their files, and the way back: a bare git repository of its own."""
