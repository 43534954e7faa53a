"""The command `sjft`."""
