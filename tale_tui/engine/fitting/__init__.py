"""What everything that learns has in common: fits in processes of their own, their history, and the way back."""
