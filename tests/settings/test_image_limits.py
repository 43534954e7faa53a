"""Which images are too large: of one data set, and of several."""

from sjft.settings.image_limits import ImageLimits, limits_among, limits_of_any, widest

TOLD = {
    "birds": {"on_bad_image": "skip", "largest_image": 200},
    "web": {"on_bad_image": "fail", "largest_file": 20.5},
    "made": {"on_bad_image": "fail"},
}


def test_jobs_take_their_limits_from_what_they_are_told() -> None:
    birds = ImageLimits(largest_image=200)
    assert limits_among(TOLD["birds"]) == birds
    assert limits_among(TOLD["made"]) == ImageLimits()
    together = ImageLimits(largest_image=200, largest_file=500)
    assert limits_of_any(TOLD.values()) == together
    assert widest([ImageLimits(largest_file=20.5)]) == ImageLimits(largest_file=20.5)
