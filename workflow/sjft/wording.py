"""How a sentence counts: one image, two images."""


def counted(number: int, one: str, several: str = "") -> str:
    """A number with what it counts: `1 image`, `1,200 images`.

    ``several`` is the plural of ``one`` where that is not a mere s behind it; with a verb in both,
    `1 pair is`, it is given whole.
    """
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
