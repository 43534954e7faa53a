"""`sjft cost`: what an experiment has cost, from what Snakemake measured of its jobs."""

import argparse


def cost(chosen: argparse.Namespace) -> str:
    """The table; raises `UserError` for an unknown experiment, and where nothing was measured."""
    from sjft.pipeline.costs import cost_of_experiment  # noqa: PLC0415
    from sjft.pipeline.forecast import read_plan_configuration  # noqa: PLC0415

    configuration = read_plan_configuration(chosen.configfile, None)
    return cost_of_experiment(configuration, chosen.experiment)
