"""The neighbour explorer: a static page of which images were borrowed for which."""
