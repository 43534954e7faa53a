"""Data from the network: download, archives, receipts, and what is missing."""
