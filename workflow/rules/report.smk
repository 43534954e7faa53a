# A page for people: what was compared, from what, and how good it is.

from sjft.pipeline import report_costs, report_files
from sjft.reports.report_page.page_files import digest_of_page as digest_of_report


# One file with all inside it: a folder with an htmlindex opens in a report that is a zip alone, and
# ends `--report report.html` with an error.
rule describe:
    input:
        files=reads(report_files.describe, "files"),
        read_in_part=reads(report_files.describe, "read_in_part"),
    output:
        page=report(
            layout.REPORT,
            caption="../report/report.rst",
            category="Report",
            labels={"experiment": "{experiment}"},
        ),
    log:
        layout.log("describe"),
    benchmark:
        layout.benchmark("describe")
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(sized(limits.mb_of_report)),
        runtime=growing(sized(times.of_page)),
    params:
        files=given(report_files.report_values),
        lists=given(report_files.digests_of_lists),
        datasets=given(places.datasets_of_experiment),
        jobs=given(report_costs.measured_jobs),
        settings=given(stage_settings.of_publication),
        page=digest_of_report(),
        rows=given(BEFORE.rows_of_experiment),
        code=code_of("describe.py"),
    message:
        "Report of {wildcards.experiment}"
    script:
        "../scripts/describe.py"
