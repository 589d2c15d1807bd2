"""Plain, frozen data and the rules on it. Standard library only, no I/O."""
