"""Forks that stand for Snakemake's process, and for its jobs', are what those would be."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import forked_job
import forked_snakemake
import pytest

pytestmark = pytest.mark.workflow

SNAKEFILE = """
import os
os.environ["PYTHONPATH"] = os.path.abspath("modules")
rule all:
    output: "told.json"
    script: "script.py"
rule dies:
    output: "died"
    script: "dies.py"
"""
SCRIPT = """
import json, os, sys
import nowhere_else
told = {
    "folder": os.getcwd(), "module": nowhere_else.__file__, "said": os.environ["SAID"],
    "rule": snakemake.rule, "main": sys.modules["__main__"].snakemake.rule,
    "beside": sys.path[0], "name": sys.argv, "polars": "polars" in sys.modules,
}
with open(snakemake.output[0], "w") as file:
    json.dump(told, file)
print("on the terminal")
"""


def test_snakemake_has_its_own_folder_variables_and_code(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(
        "import os, sys\n"
        "print(os.getcwd(), os.environ['SAID'], sys.argv[1:], os.environ.get('HOME'))\n"
    )
    for said in ("one", "two"):
        code, told = forked_snakemake.snakemake(["-n"], tmp_path, {"SAID": said})
        assert code == 0, told
        assert f"{tmp_path} {said} ['-n'] None" in told
    code, told = forked_snakemake.snakemake(["-n", "absent"], tmp_path, {"SAID": "three"})
    assert code == 1 and "MissingRuleException" in told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/nowhere_else.py").touch()
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path


def snakemake(folder: Path, target: str) -> tuple[int, str]:
    environment = {"SAID": folder.name, "PATH": os.environ["PATH"]}
    return forked_snakemake.snakemake(["--cores", "1", target], folder, environment)


def test_jobs_have_their_own_folder_variables_and_modules(folder: Path) -> None:
    code, output = snakemake(folder, "told.json")
    assert code == 0, output
    assert "on the terminal" in output
    told = json.loads((folder / "told.json").read_text())
    assert told["name"][0].startswith(told["beside"])
    assert told == {
        "folder": str(folder),
        "module": str(folder / "modules/nowhere_else.py"),
        "said": folder.name,
        "rule": "all",
        "main": "all",
        "beside": str(folder / ".snakemake/scripts"),
        "name": told["name"],
        "polars": False,
    }


@pytest.mark.parametrize(
    ("dies", "said"),
    [
        ("raise ValueError('so it is')", "ValueError: so it is"),
        ("import sys; sys.exit('no more')", "no more"),
        ("import sys; sys.exit(7)", "exit status 7"),
        ("import os; os.kill(os.getpid(), 9)", "died with <Signals.SIGKILL: 9>"),
    ],
)
def test_a_job_that_fails_says_how(folder: Path, dies: str, said: str) -> None:
    (folder / "dies.py").write_text(dies)
    code, output = snakemake(folder, "died")
    assert code == 1
    assert said in output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_job(tmp_path: Path, number: signal.Signals) -> None:
    """The job is stood for by a process that sleeps."""
    # What runs in the background may have been told to ignore one of them.
    job = subprocess.Popen(["env", f"--default-signal={number.value}", "sleep", "60"])
    place = str(tmp_path / "place")
    door = socket.socket(socket.AF_UNIX)
    door.bind(place)
    door.listen()
    words = [sys.executable, "-ISs", forked_job.__file__, place, "script.py"]
    asking = subprocess.Popen(words)
    asked, _ = door.accept()
    assert json.loads(asked.recv(10**6))["script"] == "script.py"
    asked.sendall(f"{job.pid}\n".encode())

    asking.send_signal(number)
    assert job.wait(30) == -number
    asked.sendall(f"{job.returncode}\n".encode())
    assert asking.wait(30) == -number
