# A page for people: which images were borrowed for which.

from sjft.pipeline import explorer_files
from sjft.reports.explorer.page_files import digest_of_page


rule explore:
    input:
        files=reads(explorer_files.explore, "files"),
        sources=reads(explorer_files.explore, "sources"),
        pairs=reads(explorer_files.explore, "pairs"),
    output:
        page=layout.EXPLORER,
    log:
        layout.log("explore"),
    benchmark:
        layout.benchmark("explore")
    conda:
        "../../envs/sjft.yaml"
    threads: few_threads(4)
    resources:
        mem_mb=growing(sized(limits.mb_of_explorer)),
        runtime=growing(sized(times.of_page)),
    params:
        files=given(explorer_files.explorer_values),
        datasets=given(places.datasets_of_experiment),
        settings=CONFIG.explorer.model_dump(mode="json"),
        page=digest_of_page(),
        rows=given(BEFORE.rows_of_experiment),
        code=code_of("explore.py"),
    message:
        "Explorer of {wildcards.experiment}: who was borrowed for whom"
    script:
        "../scripts/explore.py"
