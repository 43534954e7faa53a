"""From counts to neighbours: bins, histograms, divergence, index, search."""
