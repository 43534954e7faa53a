"""Which source images are copies of images that are held out."""
