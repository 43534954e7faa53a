"""A configuration for a user's own folders: what lies in them, what fits them, and the file."""
