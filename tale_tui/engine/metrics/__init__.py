"""What is counted: every call of a model, and the arithmetic over what the store holds of them."""
