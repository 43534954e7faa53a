# That each job is asked for its own reasons to run again, also behind a file that is `ancient`.

from snakemake.dag import DAG

from sjft.pipeline.own_reasons import along_what_runs

DAG.bfs = along_what_runs(DAG.bfs)
