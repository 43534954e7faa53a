"""The report of an experiment: one file that any browser opens, and Snakemake's own report too."""
