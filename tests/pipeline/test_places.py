"""Where images lie, and whose a run opens."""

from rerun_table import BASE

from sjft.pipeline.places import datasets_of_experiment, datasets_of_run, image_folders
from sjft.settings.config import read_configuration


def test_what_is_made_lies_with_the_results_and_the_rest_below_the_data_root() -> None:
    absolute = {**BASE["datasets"]["images"], "root": "/elsewhere/birds"}
    datasets = {**BASE["datasets"], "absolute": absolute}
    c = read_configuration({**BASE, "data_root": "/big/disk", "datasets": datasets})
    folders = image_folders(c)
    assert folders["images"] == "/big/disk/images"
    assert folders["absolute"] == "/elsewhere/birds"
    assert folders["store"] == "results/datasets/store/generated"
    assert set(folders) == set(c.datasets)


def test_a_run_opens_images_of_its_target_and_of_the_sources_that_its_arm_uses() -> None:
    c = read_configuration(BASE)
    target, *sources = datasets_of_experiment(c, "all")
    assert (target, sources) == ("images", list(c.experiments["all"].sources))
    assert datasets_of_run(c, "all", "fine-tune") == [target]
    assert datasets_of_run(c, "all", "selective") == [target, *sources]
