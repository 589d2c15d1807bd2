"""`--plain`: the conversation line by line."""
