"""What is in memory, what may be, who is kept there and how that is going."""
