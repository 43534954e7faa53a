"""Runs side by side: summary, ablation, intervals."""
