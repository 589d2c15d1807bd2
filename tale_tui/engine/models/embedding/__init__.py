"""Models that turn texts into vectors: those of the user's servers, and one that is fetched."""
