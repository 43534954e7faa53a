"""Which source images are copies of pictures that are held out."""
