"""Addresses without their secrets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from chain import REPOSITORY

from sjft.errors import UserError
from sjft.settings.addresses import without_secrets
from sjft.settings.config import read_configuration


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://a.org/x.tar", "http://a.org/x.tar"),
        ("(see https://a.org:8080/x/).", "(see https://a.org:8080/x/)."),
        ("at http://a.org:80. Then", "at http://a.org:80. Then"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("https://me@a.org/x", "https://***@a.org/x"),
        ("HTTPS://me:pw@a.org/x", "HTTPS://***@a.org/x"),
        ("https://me:p@w@a.org/x", "https://***@a.org/x"),
        ("https://me:p/w@a.org/x", "https://***a.org/x"),
        ("ftp://me:p'w@a.org/x", "ftp://***@a.org/x"),
        ("http://a.org/x?key=s&n=1 then", "http://a.org/x?key=***&n=*** then"),
        ("http://a.org/x?key=s'x)", "http://a.org/x?key=***"),
        ("http://a.org/x?secret", "http://a.org/x?***"),
        ("http://a.org/x;sid=secret?a=b", "http://a.org/x;sid=***?a=***"),
        ("http://a.org/x#secret", "http://a.org/x"),
        ("http://a.org?key=s", "http://a.org?key=***"),
        ("images/what?x=1.jpg is bad", "images/what?x=1.jpg is bad"),
    ],
)
def test_an_address_is_shown_without_its_secrets(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_what_is_known_of_an_address_is_hidden_wherever_it_stands() -> None:
    known = "http://arthur:p%40ss@a.org/x?token=to%2Fken&n=1"
    text = "arthur, p@ss, p%40ss, to/ken and url: /x?token=other&n=1 are 1"
    assert without_secrets(text, known) == "***, ***, ***, *** and url: /x?token=***&n=*** are 1"


@pytest.mark.parametrize(
    "download",
    [
        {"url": "ftp://arthur:pass-word@a.org/x?token=to-ken"},
        {"url": "http://arthur:pass-word@a.org/?token=to-ken"},
        "http://arthur:pass-word@a.org/x?token=to-ken",
        {"url": ["http://arthur:pass-word@a.org/x?token=to-ken"]},
    ],
    ids=str,
)
def test_a_refused_configuration_keeps_its_secrets(download: object) -> None:
    entry = {"reader": "imagenet", "root": "x", "downloads": [download]}
    sections = {"banks": {}, "retrievals": {}, "experiments": {}}
    with pytest.raises(UserError, match=r"datasets\.x\.downloads\.0") as error:
        read_configuration({"datasets": {"x": entry}, **sections})
    for secret in ("arthur", "pass-word", "to-ken"):
        assert secret not in str(error.value)


# A job in which another package says too much, in its log and in an error that nobody expects.
JOB = """
import logging, sys
from types import SimpleNamespace

from job_runner import run


def main(snakemake):
    try:
        raise OSError("http://arthur:pass-word@a.org/x?token=to-ken")
    except OSError:
        logging.warning("Failed to parse headers (url=http://a.org/x?token=to-ken)", exc_info=True)
    raise RuntimeError("http://arthur:pass-word@a.org/x?token=to-ken")


run(main, SimpleNamespace(log=[sys.argv[1]], threads=1))
"""


def test_a_job_has_secrets_neither_in_its_log_nor_on_the_terminal(tmp_path: Path) -> None:
    workflow = REPOSITORY / "workflow"
    done = subprocess.run(
        [sys.executable, "-c", JOB, str(tmp_path / "a.log")],
        env=os.environ | {"PYTHONPATH": f"{workflow}:{workflow / 'scripts'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    log = (tmp_path / "a.log").read_text(encoding="utf-8")
    for text in (log, done.stderr):
        assert "http://***@a.org/x?token=***" in text
        for secret in ("arthur", "pass-word", "to-ken"):
            assert secret not in text
    assert done.returncode == 1
    assert "RuntimeError" in done.stderr
