"""Model files: the folder that they lie in, their headers, how one gets there whole, and the starter model."""
