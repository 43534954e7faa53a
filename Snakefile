# Selective joint fine-tuning: from labelled images to a model, one rule file per stage.

from snakemake.utils import min_version

min_version("9.27")


##### configuration #####


include: "workflow/rules/common.smk"
include: "workflow/rules/gpus.smk"
include: "workflow/rules/cluster.smk"
include: "workflow/rules/reasons.smk"
include: "workflow/rules/terminal.smk"


##### stages, in the order in which the data meets them #####


include: "workflow/rules/fetch.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/descriptors.smk"
include: "workflow/rules/histograms.smk"
include: "workflow/rules/index.smk"
include: "workflow/rules/leakage.smk"
include: "workflow/rules/neighbours.smk"
include: "workflow/rules/subset.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/publication.smk"
include: "workflow/rules/ablation.smk"
include: "workflow/rules/explorer.smk"
include: "workflow/rules/report.smk"


##### targets #####


rule all:
    default_target: True
    input:
        layout.MODEL.of(experiment="demo"),
    message:
        "The demo is done; its summary is results/demo/summary.md."


report: "workflow/report/workflow.rst"


look_for_garbage()
