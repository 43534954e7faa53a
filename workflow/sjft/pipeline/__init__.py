"""What Snakemake is told: settings and code of each stage, memory, forecasts."""
