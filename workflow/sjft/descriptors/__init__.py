"""Responses of filter banks, counted over fixed levels."""
