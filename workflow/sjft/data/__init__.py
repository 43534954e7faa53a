"""Which images there are, and their pixels."""
