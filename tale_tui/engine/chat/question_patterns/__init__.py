"""Forms of questions about tasks, one file a language: a whole message must be of one of them."""
