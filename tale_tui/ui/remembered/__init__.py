"""What is remembered, as a screen."""
