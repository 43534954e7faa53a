"""The kinds of filter banks, each in a file of its own: an edit of one concerns no other's jobs."""
