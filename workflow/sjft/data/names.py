"""What a name says: whether a file is an image, and what systems leave beside images.

Endings stand here as they are, not as the installed Pillow has them, so that the same folders give
the same list everywhere. They are those that Pillow registers for the formats which it decodes by
itself to pixels of 8 or 16 bits, and which it can tell from damaged ones.
"""

import os

ENDINGS = {
    "AVIF": (".avif", ".avifs"),
    "BMP": (".bmp",),
    "DIB": (".dib",),
    "GIF": (".gif",),
    "JPEG": (".jfif", ".jpe", ".jpeg", ".jpg"),
    "JPEG2000": (".j2c", ".j2k", ".jp2", ".jpc", ".jpf", ".jpx"),
    "MPO": (".mpo",),
    "PCX": (".pcx",),
    "PNG": (".apng", ".png"),
    "PPM": (".pbm", ".pgm", ".pnm", ".ppm"),  # not .pfm: its floating-point pixels have no range
    "QOI": (".qoi",),
    "SGI": (".bw", ".rgb", ".rgba", ".sgi"),
    "TGA": (".icb", ".tga", ".vda", ".vst"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
SUFFIXES = frozenset(ending for endings in ENDINGS.values() for ending in endings)

# Images all the same, which are not taken: of formats that Pillow cannot decode, or without more
# programs, and those of icons, textures, drawings and layers.
FOREIGN_SUFFIXES = frozenset(
    (
        *(".heic", ".heif", ".hif", ".jxl", ".jxr", ".wdp", ".hdp", ".bpg", ".flif"),
        # Cameras' raw files.
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef"),
        *(".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2"),
        *(".srf", ".srw", ".x3f"),
        *(".ai", ".cdr", ".emf", ".eps", ".ps", ".svg", ".svgz", ".wmf"),
        *(".cur", ".icns", ".ico", ".msp", ".xbm", ".xpm"),
        *(".blp", ".dcx", ".dds", ".exr", ".fit", ".fits", ".flc", ".fli", ".ftc", ".ftu"),
        *(".gbr", ".hdr", ".im", ".jng", ".mng", ".palm", ".pcd", ".pfm", ".psb", ".psd", ".pxr"),
        *(".ras", ".xcf"),
    )
)

# In small letters. Names that start with a dot (`._a.jpg`, `.thumbnails`) are hidden anyway.
SYSTEM_FOLDERS = frozenset(
    (
        *("__macosx", "@eadir", "@__thumb", "#recycle", "@recycle", "#snapshot", "@snapshot"),
        *("@recently-snapshot", "$recycle.bin", "recycler", "system volume information"),
        *("lost+found", "__pycache__"),
    )
)
SYSTEM_FILES = frozenset(("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r"))


def suffix_of(name: str) -> str:
    """A file name's ending in small letters, with its dot; empty where it has none."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122  (called a million times)


def is_image(name: str) -> bool:
    """Whether a file's name ends as that of an image which can be read does."""
    return suffix_of(name) in SUFFIXES
