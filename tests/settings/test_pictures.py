"""Which pictures are too large: of one data set, and of several."""

from sjft.settings.pictures import PictureLimits, limits_among, limits_of_any, widest

TOLD = {
    "birds": {"on_bad_image": "skip", "largest_picture": 200},
    "web": {"on_bad_image": "fail", "largest_file": 20.5},
    "made": {"on_bad_image": "fail"},
}


def test_jobs_take_their_limits_from_what_they_are_told() -> None:
    birds = PictureLimits(largest_picture=200)
    assert limits_among(TOLD["birds"]) == birds
    assert limits_among(TOLD["made"]) == PictureLimits()
    together = PictureLimits(largest_picture=200, largest_file=500)
    assert limits_of_any(TOLD.values()) == together
    assert widest([PictureLimits(largest_file=20.5)]) == PictureLimits(largest_file=20.5)
