"""What was learned on this machine, how good it is, and the way back."""
