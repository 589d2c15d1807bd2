"""Work that goes on by itself: plans as data, the one interpreter that runs them, and the executor of this machine."""
