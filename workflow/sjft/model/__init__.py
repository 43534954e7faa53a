"""The published file: written, read, described, used, exported."""
