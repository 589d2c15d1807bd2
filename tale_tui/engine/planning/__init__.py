"""Plans made by a model: asked for, read, repaired, revised."""
