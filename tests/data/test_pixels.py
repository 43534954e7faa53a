"""Any kind of image comes out as upright RGB, or is refused with its file's name."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import random_image
from jpegs import UPRIGHT
from PIL import Image, PngImagePlugin

from sjft.data.names import SUFFIXES
from sjft.data.pixels import load_pixels, load_rgb
from sjft.errors import BadImageError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def pixels(path: Path) -> np.ndarray:
    image = load_rgb(path)
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


def grey(values: list[list[int]]) -> np.ndarray:
    """Return the RGB pixels of grey values."""
    return np.repeat(np.array(values)[:, :, None], 3, axis=2)


def refuse(path: Path, reason: str) -> None:
    with pytest.raises(BadImageError, match=reason) as error:
        load_rgb(path)
    assert error.value.path == str(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_every_listed_suffix_is_a_format_that_can_be_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    random_image(1).save(path)
    assert pixels(path).shape == (16, 20, 3)


def test_rgb_comes_back_as_it_was(tmp_path: Path) -> None:
    image = random_image(1)
    image.save(tmp_path / "a.png")
    assert (pixels(tmp_path / "a.png") == np.asarray(image)).all()


def test_a_single_pixel_is_a_image(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (10, 20, 30)).save(tmp_path / "a.png")
    assert pixels(tmp_path / "a.png").tolist() == [[[10, 20, 30]]]


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 77, 255]], np.uint8)).save(tmp_path / "a.png")
    assert (pixels(tmp_path / "a.png") == grey([[0, 77, 255]])).all()


def test_one_bit_becomes_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 255, 255]], np.uint8)).convert("1").save(tmp_path / "a.png")
    assert (pixels(tmp_path / "a.png") == grey([[0, 255, 255]])).all()


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / "a.tif")
    assert (pixels(tmp_path / "a.tif") == [0, 255, 255]).all()
    Image.new("CMYK", (8, 8), (0, 0, 0, 255)).save(tmp_path / "a.jpg", quality=95)
    assert (pixels(tmp_path / "a.jpg") <= 3).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 128, 257, 1000, 32768, 65407, 65535]])
    Image.fromarray(values.astype(np.uint16)).save(tmp_path / f"a{suffix}")
    wanted = np.rint(values / 65535 * 255).astype(int)
    assert (pixels(tmp_path / f"a{suffix}") == grey(wanted.tolist())).all()


def test_dark_sixteen_bit_images_stay_dark(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 200]], np.uint16)).save(tmp_path / "a.png")
    assert (pixels(tmp_path / "a.png") == grey([[0, 1]])).all()


def test_negative_integers_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.array([[-1, 5]], np.int32)).save(tmp_path / "a.tif")
    refuse(tmp_path / "a.tif", r"outside 0\.\.65535")


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.5, 1.0]], np.float32)).save(tmp_path / "a.tif")
    refuse(tmp_path / "a.tif", "floating-point")


def palette_image() -> Image.Image:
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    return image


def test_palettes_are_looked_up(tmp_path: Path) -> None:
    palette_image().save(tmp_path / "a.png")
    assert pixels(tmp_path / "a.png").tolist() == [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]


def test_the_transparent_entry_of_a_palette_is_white(tmp_path: Path) -> None:
    for name in ("a.png", "a.gif"):
        palette_image().save(tmp_path / name, transparency=1)
        assert pixels(tmp_path / name).tolist() == [[[255, 0, 0], [255, 255, 255], [0, 0, 255]]]


def test_the_transparent_colour_of_a_image_without_alpha_is_white(tmp_path: Path) -> None:
    values = np.array([[[9, 9, 9], [5, 6, 7]]], np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png", transparency=(5, 6, 7))
    assert pixels(tmp_path / "a.png").tolist() == [[[9, 9, 9], [255, 255, 255]]]


def test_rgba_is_laid_over_white(tmp_path: Path) -> None:
    values = np.array([[[100, 50, 0, 255], [100, 50, 0, 0], [100, 50, 0, 51]]], np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    wanted = np.array([[[100, 50, 0], [255, 255, 255], [224, 214, 204]]])
    assert np.abs(pixels(tmp_path / "a.png") - wanted).max() <= 1


def test_grey_with_alpha_is_laid_over_white(tmp_path: Path) -> None:
    image = Image.new("LA", (2, 1))
    image.putdata([(40, 255), (40, 0)])
    image.save(tmp_path / "a.png")
    assert (pixels(tmp_path / "a.png") == grey([[40, 255]])).all()


def exif(orientation: int) -> Image.Exif:
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def text(orientation: int) -> PngImagePlugin.PngInfo:
    """XMP as PNG holds it, in a chunk of text."""
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp(orientation).decode())
    return info


def xmp(orientation: int) -> bytes:
    return f'<rdf:Description tiff:Orientation="{orientation}"/>'.encode()


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".png", lambda n: {"exif": exif(n)}),
        (".png", lambda n: {"pnginfo": text(n)}),
        (".webp", lambda n: {"exif": exif(n), "lossless": True}),
        (".webp", lambda n: {"xmp": xmp(n), "lossless": True}),
        (".tif", lambda n: {"tiffinfo": {0x0112: n}}),
        (".tif", lambda n: {"tiffinfo": {0x0112: n}, "compression": "tiff_lzw"}),
        (".tif", lambda n: {"tiffinfo": {0x02BC: xmp(n)}}),
    ],
    ids=["PNG, EXIF", "PNG, XMP", "WebP, EXIF", "WebP, XMP", "TIFF", "TIFF, LZW", "TIFF, XMP"],
)
def test_whatever_the_format_images_are_turned_upright(
    tmp_path: Path, suffix: str, options: Callable[[int], Any], orientation: int
) -> None:
    image = random_image(1)
    image.save(tmp_path / f"a{suffix}", **options(orientation))
    turned = UPRIGHT[orientation](np.asarray(image))
    assert (pixels(tmp_path / f"a{suffix}") == turned).all()


def test_broken_exif_data_do_no_harm(tmp_path: Path) -> None:
    random_image(1).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert pixels(tmp_path / "a.jpg").shape == (16, 20, 3)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_truncated_files_are_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"a{suffix}"
    random_image(1).save(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refuse(path, "cannot be decoded|is not an image")


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_damaged_files_are_read_or_refused_and_never_crash(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    random_image(1).save(path)
    whole, rng = path.read_bytes(), np.random.default_rng(3)
    for _ in range(60):
        content = bytearray(whole)
        for place in rng.integers(0, min(len(content), 300), 3):
            content[place] = rng.integers(0, 256)
        path.write_bytes(bytes(content))
        try:
            assert load_rgb(path).mode == "RGB"
        except BadImageError as error:
            assert error.path == str(path)


def test_odd_errors_of_pillow_name_the_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_image(1).save(tmp_path / "a.png")
    for error in (TypeError("no"), IndexError("no"), struct.error("no"), ZeroDivisionError("no")):

        def stumble(_: Image.Image, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr("PIL.ImageFile.ImageFile.load", stumble)
        refuse(tmp_path / "a.png", r"cannot be decoded \(no\)")


@pytest.mark.parametrize("content", [b"", b"just some text\n" * 50, b"\xff\xd8\xff", bytes(500)])
def test_files_that_are_no_image_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    refuse(tmp_path / "a.jpg", "is not an image|cannot be decoded")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    refuse(tmp_path / "none.jpg", "cannot be decoded")
    refuse(tmp_path, "cannot be decoded")


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")
    )
    refuse(tmp_path / "a.png", "too large")


def save_jpeg(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, format="JPEG", **options)
    return path


@pytest.mark.parametrize("size", [(1, 1), (17, 9), (64, 48)])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_jpegs_have_the_pixels_that_pillow_gives(
    tmp_path: Path, size: tuple[int, int], subsampling: int, progressive: bool, mode: str
) -> None:
    image = random_image(1, size).convert(mode)
    options = {"subsampling": subsampling, "progressive": progressive, "quality": 80}
    path = save_jpeg(tmp_path / "a.jpg", image, **options)
    with Image.open(path) as by_pillow:
        wanted = np.asarray(by_pillow.convert("RGB"))
    assert (pixels(path) == wanted).all()
    assert load_pixels(path).flags.writeable


def test_plain_jpegs_go_another_way_than_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = save_jpeg(tmp_path / "plain.jpg", random_image(1))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = save_jpeg(tmp_path / "turned.jpg", random_image(1), exif=exif)
    cmyk = save_jpeg(tmp_path / "cmyk.jpg", Image.new("CMYK", (8, 8), (9, 9, 9, 9)))

    def none(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", none)
    load_pixels(plain)
    monkeypatch.undo()
    monkeypatch.setattr("simplejpeg.decode_jpeg", none)
    assert load_pixels(turned).shape == (20, 16, 3)
    assert load_pixels(cmyk).shape == (8, 8, 3)


def test_jpegs_turned_by_their_exif_data_stand_upright(tmp_path: Path) -> None:
    plain = save_jpeg(tmp_path / "plain.jpg", random_image(1))
    for orientation, turn in UPRIGHT.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = save_jpeg(tmp_path / "a.jpg", random_image(1), exif=exif)
        assert (pixels(path) == turn(pixels(plain))).all()


@pytest.mark.parametrize("progressive", [False, True])
def test_jpegs_cut_off_anywhere_are_refused_as_pillow_does(
    tmp_path: Path, progressive: bool
) -> None:
    path = save_jpeg(tmp_path / "a.jpg", random_image(1, (40, 40)), progressive=progressive)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 23):
        path.write_bytes(whole[:length])
        refuse(path, "cannot be decoded|is not an image")


def test_bytes_behind_a_jpeg_s_end_do_no_harm(tmp_path: Path) -> None:
    path = save_jpeg(tmp_path / "a.jpg", random_image(1))
    before = pixels(path)
    path.write_bytes(path.read_bytes() + b"something else")
    assert (pixels(path) == before).all()
