"""What CI runs: the README's test command, whatever can be installed before it."""

import shutil
import subprocess
from pathlib import Path

from chain import REPOSITORY

# Of what the script calls, all that a machine without Debian's packages has.
TOOLS = ("bash", "dirname", "env", "grep", "id", "sed")
# Where only hdf5-tools is installed.
LACKING = "chromium mariadb-client-core mariadb-server-core munge slurm-wlm slurmdbd"


def call_ci(folder: Path, apt: str | None) -> subprocess.CompletedProcess[str]:
    """Run it with programs of our own for apt-get and make."""
    shutil.copytree(REPOSITORY / ".ci", folder / ".ci")
    programs = {"make": 'echo "make $*"', "dpkg-query": "echo installed hdf5-tools"}
    if apt is not None:
        programs |= {"apt-get": apt, "id": "echo 0", "timeout": 'shift; exec "$@"'}
    (folder / "bin").mkdir()
    for tool in set(TOOLS) - set(programs):
        (folder / "bin" / tool).symlink_to(str(shutil.which(tool)))
    for name, line in programs.items():
        program = folder / "bin" / name
        program.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        program.chmod(0o755)
    return subprocess.run(
        [str(shutil.which("bash")), folder / ".ci/run"],
        env={"PATH": str(folder / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_apt_the_tests_are_run_and_what_is_missing_is_named(tmp_path: Path) -> None:
    done = call_ci(tmp_path, apt=None)
    assert done.returncode == 0, done.stderr
    assert f"their tests are skipped: {LACKING}\n" in done.stdout
    assert done.stdout.endswith("make test\n")


def test_what_is_missing_is_installed_and_a_failure_is_told(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    done = call_ci(tmp_path / "well", apt=f'echo "$*" >> {calls}')
    assert done.returncode == 0, done.stderr
    assert done.stdout == "make test\n"
    assert calls.read_text("utf-8").endswith(f"--no-install-recommends {LACKING}\n")
    done = call_ci(tmp_path / "badly", apt="exit 100")
    assert done.returncode == 0, done.stderr
    assert "could not install all of these" in done.stdout
    assert done.stdout.endswith("make test\n")


def test_contributing_names_every_package() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8")
    for package in (REPOSITORY / ".ci/debian-packages.txt").read_text("utf-8").split():
        assert f"`{package}`" in text, package
