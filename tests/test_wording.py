"""A sentence counts one image, and two images, and shows what a terminal would obey."""

from sjft.wording import counted, harmless


def test_one_is_told_in_the_singular_and_thousands_are_grouped() -> None:
    assert [counted(n, "image") for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
    assert counted(1234, "class", "classes") == "1,234 classes"
    assert counted(1, "pair is", "pairs are") == "1 pair is"


def test_what_a_terminal_obeys_is_shown() -> None:
    assert harmless("\x1b[2J a\r\u202eb\x9b") == r"\u001b[2J a\u000d\u202eb\u009b"
    assert harmless("é\t1\n日本") == "é\t1\n日本"
