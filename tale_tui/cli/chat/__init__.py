"""`chat`: one answer on the command line."""
