"""Settings of data sets: a module for each family of readers, as in `sjft.data.readers`."""
