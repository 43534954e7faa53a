"""Which source images each arm uses, and how hard target images are."""
