"""The checkpoints screen: what was kept of conversations, tasks and their files, and the way back."""
