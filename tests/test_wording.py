"""A sentence counts one image, and two images."""

from sjft.wording import counted


def test_one_is_told_in_the_singular_and_thousands_are_grouped() -> None:
    assert [counted(n, "image") for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
    assert counted(1234, "class", "classes") == "1,234 classes"
    assert counted(1, "pair is", "pairs are") == "1 pair is"
