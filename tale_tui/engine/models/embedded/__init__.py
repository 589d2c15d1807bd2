"""llama.cpp inside the process tree: the backend, the process of each model, and what both say to each other."""
