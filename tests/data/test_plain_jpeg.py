"""JPEG files have the pixels that Pillow gives, whichever of the two decoders takes them."""

import io
from base64 import b85decode
from pathlib import Path

import numpy as np
import pytest
from jpegs import UPRIGHT, jpeg, segment
from PIL import Image

from sjft.data.pixels import load_pixels
from sjft.data.plain_jpeg import decode_plain_jpeg
from sjft.errors import BadImageError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

COLOURS, GREY = [(1, 1)] * 3, [(1, 1)]
NO_LIMIT = 10**9


def pillow(*, mode: str = "RGB", **options: object) -> bytes:
    """A photograph's size and detail, as Pillow writes it."""
    y, x = np.mgrid[:45, :67]
    waves = 120 + 60 * np.sin(x / 7) + 50 * np.cos(y / 5)
    channels = {"RGB": 3, "YCbCr": 3, "L": 1, "CMYK": 4}[mode]
    pixels = np.stack([np.roll(waves, 9 * c, axis=1) for c in range(channels)], axis=2)
    image = Image.fromarray(pixels.astype(np.uint8).squeeze(), mode)
    file = io.BytesIO()
    image.save(file, "JPEG", **{"quality": 80} | options)
    return file.getvalue()


def exif(orientation: int | None, order: str = "<") -> bytes:
    """An APP1 segment of EXIF data."""
    data = Image.Exif()
    data.endian = order
    if orientation is not None:
        data[0x0112] = orientation
    data[0x010E] = "a description"
    return segment(0xE1, data.tobytes())


def xmp(text: str, name: bytes = b"http://ns.adobe.com/xap/1.0/\0") -> bytes:
    """An APP1 segment of XMP data."""
    inside = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>{text}</rdf:RDF></x:xmpmeta>'
    return segment(0xE1, name + inside.encode())


def attribute(orientation: int) -> str:
    """The orientation as XMP has it, mostly."""
    return f'<rdf:Description tiff:Orientation="{orientation}"/>'


def element(orientation: int) -> str:
    """The orientation as XMP may have it too."""
    return f"<rdf:Description><tiff:Orientation>{orientation}</tiff:Orientation></rdf:Description>"


JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
EXTENDED = b"http://ns.adobe.com/xmp/extension/\0" + b"5" * 32 + bytes(8)
IPTC = segment(0xED, b"Photoshop 3.0\x008BIM\4\4\0\0\0\0\0\x08\x1c\2\5\0\3abc")
PROFILE = [segment(0xE2, b"ICC_PROFILE\0" + bytes([n, 2]) + b"profile") for n in (1, 2)]
MPF = segment(
    0xE2,
    b"MPF\0II*\0\x08\0\0\0\3\0"
    b"\0\xb0\7\0\4\0\0\0000100\1\xb0\4\0\1\0\0\0\2\0\0\0\2\xb0\7\0\x20\0\0\0\x32\0\0\0\0\0\0\0"
    + bytes(32),
)


def adobe(transform: int) -> bytes:
    """An APP14 segment, which says how the colours are coded."""
    return segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))


# Arithmetic coding, as libjpeg-turbo writes an image of 17 x 9 pixels: Pillow cannot write it.
ARITHMETIC = {
    "grey": (
        "|JeWF01!$>Nk#wx0RR9200961|JwjV02B@n5)Ta&5)cv>6%-"
        "gAG9exu93DL^E+jHZKuk+VKt@GST61DhRc%&9Mr4R(ZFhTtf`Lw8jhBplmUDiAeE-"
        "P+3kU!S01*KJ5di<p00saM5C#9*00;pA002J#{>`c#K09^XV+j|n$0aehumu4Ao1L4Td9CC+{YL=c|Je"
    ),
    "colours": (
        "|JeWF01!$>Nk#wx0RR9200961|JwjV02B@n5)Ta&5)cv>6%-"
        "gAG9exu93DL^E+jHZKuk+VKt@GST61DhRc%&9Mr4R(ZFhTtf`Lw8jhBplmUDiAeE-"
        "`3Lje^R7akfOJ0T%Ed{ahKe0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-"
        "e0=}O01*fP2>=lT0U`hb5di}c0sqVZ3IGrg1pyEd1^?Or3<CiG0ucid06zf1hOR8D9@3bX-"
        "B$R;{<v#lH^q`Qi0+f7tV%uh$YjO>!A#M3ysPu%t1`^$48hQXa}!!dB!5d3lIE|1`2X1"
    ),
    "restarts": (
        "|JeWF01!$>Nk#wx0RR9200961|JwjV02B@n5)Ta&5)cv>6%-"
        "gAG9exu93DL^E+jHZKuk+VKt@GST61DhRc%&9Mr4R(ZFhTtf`Lw8jhBplmUDiAeE-"
        "`3Lje^R7akfOJ0T%Ed{ahKe0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-"
        "e0=}O01*fP2>=lT0U`hb5di}c0sqVZ3IGrg1pyEd1^?Xu1ONg5+5ij#0RRFK0}%i}0KtZ?EUO;Un3vsF_{IL"
        "XYhgFVk~N6#lcuanJ@&|C#sa}i(RjS8^W>{C%<2rm(1LRlT1fxU&I$_e`RnDX|Je"
    ),
    "progressive": (
        "|JeWF01!$>Nk#wx0RR9200961|JwjV02B@n5)Ta&5)cv>6%-"
        "gAG9exu93DL^E+jHZKuk+VKt@GST61DhRc%&9Mr4R(ZFhTtf`Lw8jhBplmUDiAeE-"
        "`3Lje^R7akfOJ0T%Ed{ahKe0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-e0+R-"
        "e0=}P01*fP2>=lT0U`hb5di}c0sqVZ1^^HN5dYc$3<CiG0uTcb0005I+DZckZMlg5%m4%s1^?Or2mt{A0R;j"
        "RkW7<i5PAh8sYw6K00a>Q|Jncu0RsU6KLJ&M|I7dc5e5I+00;pB0RcY&Qh@)=00a;P|Jncu0RaF8KLYg@C0W"
        "A3!2iqu1P}%P+5iXv0RRC%A*ilBcF(pl79f!S+5ij#0RRF30{{R35RXv*%m4%t1^?Or2mu2D0Y4CKMj-"
        "#p00a>Q|Jncu0RjO5KM*Q{`2WlR1P}%P+5iXv0RRC%5VrMNZ=!}sTV;bA;U_}O{{S~WfdAP"
    ),
}
SHORT_WAY = {
    "no segment": jpeg(),
    "no segment, grey": jpeg(GREY),
    "JFIF": jpeg(before=JFIF),
    "JFIF, grey": jpeg(GREY, before=JFIF),
    "JFIF and its extension": jpeg(before=JFIF + segment(0xE0, b"JFXX\0\x10thumbnail")),
    "a comment": jpeg(before=JFIF + segment(0xFE, b"a comment")),
    "a comment about EXIF": jpeg(before=segment(0xFE, b'Exif\0\0 MPF\0 tiff:Orientation="6')),
    "a profile": jpeg(before=JFIF + PROFILE[0] + PROFILE[1]),
    "a profile in odd order": jpeg(before=PROFILE[1] + PROFILE[0] + JFIF),
    "padded markers": jpeg(before=b"\xff\xff\xff" + JFIF),
    "IPTC": jpeg(before=IPTC),
    "XMP without an orientation": jpeg(before=xmp("<rdf:Description/>")),
    "XMP of an upright image": jpeg(before=xmp(attribute(1))),
    "XMP of no known orientation": jpeg(before=xmp(attribute(9)).replace(b'"9"', b'"x"')),
    "XMP with its extension": jpeg(before=xmp("") + xmp(attribute(6), EXTENDED)),
    "XMP in the wrong place": jpeg(before=xmp(attribute(6)).replace(b"\xff\xe1", b"\xff\xe5")),
    "XMP last says upright": jpeg(before=xmp(attribute(6)) + xmp(attribute(1))),
    "colours not transformed": jpeg(before=adobe(0)),
    "colours transformed": jpeg(before=adobe(1)),
    "colours named RGB": jpeg(ids=b"RGB"),
    "colours named oddly": jpeg(ids=(7, 9, 11)),
    "progressive": jpeg(frame=0xC2),
    "extended": jpeg(frame=0xC1),
    "not interleaved": jpeg(interleaved=False),
    "restarts": jpeg([(2, 2), (1, 1), (1, 1)], restart=2),
    "restarts, not interleaved": jpeg([(2, 1), (1, 1), (1, 1)], restart=3, interleaved=False),
    "half the columns": jpeg([(2, 1), (1, 1), (1, 1)]),
    "half the rows": jpeg([(1, 2), (1, 1), (1, 1)]),
    "half of both": jpeg([(2, 2), (1, 1), (1, 1)]),
    "a quarter of the columns": jpeg([(4, 1), (1, 1), (1, 1)]),
    "grey of 3 x 2 blocks": jpeg([(3, 2)]),
    "a single pixel": jpeg(size=(1, 1)),
    "a line": jpeg([(2, 2), (1, 1), (1, 1)], size=(1001, 1)),
    "by Pillow": pillow(),
    "by Pillow, progressive": pillow(progressive=True),
    "by Pillow, optimised": pillow(optimize=True, quality=95),
    "by Pillow, restarts": pillow(restart_marker_blocks=3),
    "by Pillow, restart rows": pillow(restart_marker_rows=1, progressive=True),
    "by Pillow, grey": pillow(mode="L"),
    "by Pillow, smoothed": pillow(smooth=40),
    "by Pillow, RGB": pillow(keep_rgb=True),
    "by Pillow, 4:4:4": pillow(subsampling="4:4:4"),
    "by Pillow, 4:2:2": pillow(subsampling="4:2:2"),
    "by Pillow, with everything": pillow(
        comment=b"c", dpi=(72, 72), icc_profile=b"p" * 70_000, xmp=b"<x/>"
    ),
    **{f"arithmetic {name}": b85decode(text) for name, text in ARITHMETIC.items()},
}
LONG_WAY = {
    **{f"EXIF {n}": jpeg(before=exif(n)) for n in (*range(10), None)},
    **{f"EXIF {n}, the other order": jpeg(before=exif(n, ">")) for n in (1, 6, 8)},
    **{f"EXIF {n}, grey": jpeg(GREY, before=JFIF + exif(n)) for n in (3, 6)},
    **{f"XMP {n}": jpeg(before=xmp(attribute(n))) for n in range(2, 9)},
    **{f"XMP {n} as an element": jpeg(GREY, before=xmp(element(n))) for n in range(2, 9)},
    "XMP last says turned": jpeg(before=xmp(attribute(1)) + xmp(attribute(6))),
    "XMP behind the frame": jpeg(behind_frame=xmp(attribute(6))),
    "XMP behind all else": jpeg(before=JFIF + PROFILE[0] + IPTC + adobe(1) + xmp(element(8))),
    "XMP turns, progressive": jpeg(frame=0xC2, before=xmp(attribute(5))),
    "EXIF wins over XMP": jpeg(before=xmp(attribute(3)) + exif(6)),
    "EXIF behind XMP": jpeg(before=xmp(attribute(6)) + exif(None)),
    "EXIF before XMP": jpeg(before=exif(None) + xmp(attribute(6))),
    "EXIF behind the frame": jpeg(behind_frame=exif(6)),
    "EXIF twice": jpeg(before=exif(6) + exif(8)),
    "EXIF that is damaged": jpeg(before=segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff")),
    "several images": jpeg(before=MPF) + jpeg(),
    "four colours": jpeg([(1, 1)] * 4),
    "four colours, by Adobe": jpeg([(1, 1)] * 4, before=adobe(0)),
    "four colours, transformed": jpeg([(1, 1)] * 4, before=adobe(2)),
    "four colours, fewer samples": jpeg([(2, 2), (1, 1), (1, 1), (2, 2)], before=adobe(2)),
    "four colours, turned by XMP": jpeg([(1, 1)] * 4, before=adobe(2) + xmp(attribute(6))),
    "by Pillow, CMYK": pillow(mode="CMYK"),
    **{
        f"samples {'-'.join(f'{h}x{v}' for h, v in sampling)}": jpeg(sampling, interleaved=False)
        for sampling in (
            [(1, 4), (1, 1), (1, 1)],
            [(4, 2), (1, 1), (1, 1)],
            [(3, 1), (1, 1), (1, 1)],
            [(2, 2), (2, 1), (1, 2)],
            [(1, 1), (2, 2), (2, 2)],
            [(3, 2), (1, 1), (3, 1)],
        )
    },
    "a profile in part": jpeg(before=PROFILE[1]),
}
# Some of these are read nevertheless: as Pillow does.
DAMAGED = {
    "no end": jpeg()[:-2],
    "half of it": pillow()[:900],
    "half of a progressive one": pillow(progressive=True)[:900],
    "junk before a marker": jpeg(before=JFIF + b"junk"),
    "a reserved marker": jpeg(before=b"\xff\x01" + JFIF),
    "an unknown marker": jpeg(before=segment(0xBF, b"unknown")),
    "a marker of an extension": jpeg(before=segment(0xF3, b"extension")),
    "JFIF cut short": jpeg(before=segment(0xE0, b"JFIF\0")),
    "Adobe's segment cut short": jpeg(before=segment(0xEE, b"Adobe")),
    "a profile cut short": jpeg(before=segment(0xE2, b"ICC_PROFILE\0")),
    "IPTC cut short": jpeg(before=segment(0xED, b"Photoshop 3.0\x008BIM\4\4")),
    "a segment that goes on": jpeg(before=b"\xff\xe1\xff\xffExif"),
    "a segment without a length": jpeg(before=b"\xff\xe1\0\0"),
    "EXIF that is none": jpeg(before=segment(0xE1, b"Exif\0\0no EXIF at all")),
    "EXIF cut short": jpeg(before=exif(6)[:2] + b"\0\x0c" + exif(6)[4:14]),
    "two frames": jpeg(before=jpeg()[2:200]),
    "12 bits": jpeg(frame=0xC1, precision=12),
    "two colours": jpeg([(1, 1)] * 2),
    "no rows": jpeg(size=(8, 0)),
    "lossless": jpeg(frame=0xC3),
    "arithmetic by name alone": jpeg(frame=0xC9),
    "too many blocks": jpeg([(4, 4), (1, 1), (1, 1)]),
    "something behind the end": pillow() + b"something else",
    "EXIF behind the end": jpeg() + exif(6),
    "another one behind the end": jpeg() + jpeg(before=exif(6)),
    "no table": jpeg().replace(b"\xff\xc4", b"\xff\xfe"),
}
CASES = SHORT_WAY | LONG_WAY | DAMAGED


def pixels_or_reason(path: Path) -> np.ndarray | str:
    try:
        return load_pixels(path)
    except BadImageError as error:
        return error.reason


@pytest.mark.parametrize("name", CASES)
def test_the_short_way_gives_what_pillow_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(CASES[name])
    found = pixels_or_reason(path)
    monkeypatch.setattr("sjft.data.pixels.decode_plain_jpeg", lambda *_: None)
    wanted = pixels_or_reason(path)
    assert type(found) is type(wanted)
    assert np.array_equal(found, wanted)
    assert name in DAMAGED or not isinstance(found, str)


def test_damaged_files_are_read_or_refused_as_pillow_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, names, path = np.random.default_rng(1), list(CASES), tmp_path / "a.jpg"
    read = 0
    for _ in range(300):
        content = bytearray(CASES[names[rng.integers(len(names))]])
        places = rng.integers(0, rng.choice([60, len(content)]), 2)
        for place in np.minimum(places, len(content) - 1):
            content[place] = rng.choice([0, 1, 255, rng.integers(256)])
        path.write_bytes(bytes(content))
        found = pixels_or_reason(path)
        with monkeypatch.context() as patch:
            patch.setattr("sjft.data.pixels.decode_plain_jpeg", lambda *_: None)
            wanted = pixels_or_reason(path)
        assert np.array_equal(found, wanted), bytes(content)
        read += not isinstance(found, str)
    assert 50 < read < 250


@pytest.mark.parametrize("name", SHORT_WAY)
def test_no_more_than_needed_is_left_to_pillow(name: str) -> None:
    assert decode_plain_jpeg(SHORT_WAY[name], None, NO_LIMIT) is not None


@pytest.mark.parametrize("name", LONG_WAY)
def test_what_simplejpeg_cannot_know_is_left_to_pillow(name: str) -> None:
    assert decode_plain_jpeg(LONG_WAY[name], None, NO_LIMIT) is None


TURNED = {
    **{f"XMP {n}": n for n in range(2, 9)},
    **{f"EXIF {n}": n for n in range(1, 9)},
    **{f"EXIF {n}": 1 for n in (0, 9, None)},
    "XMP behind the frame": 6,
    "XMP last says turned": 6,
    "XMP last says upright": 1,
    "EXIF wins over XMP": 6,
    "EXIF behind XMP": 6,
    "EXIF before XMP": 6,
    "XMP with its extension": 1,
    "EXIF behind the end": 1,
}


@pytest.mark.parametrize("name", TURNED)
def test_images_stand_upright_whoever_says_how(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.jpg").write_bytes(CASES[name])
    (tmp_path / "plain.jpg").write_bytes(CASES["no segment"])
    wanted = UPRIGHT[TURNED[name]](load_pixels(tmp_path / "plain.jpg"))
    assert np.array_equal(load_pixels(tmp_path / "a.jpg"), wanted)
