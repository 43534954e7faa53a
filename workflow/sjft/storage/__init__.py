"""Files whole or not at all, and the one door to each format."""
