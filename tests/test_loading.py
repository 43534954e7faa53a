"""Modules are loaded without a search for garbage, and all else with one."""

import subprocess
import sys

from chain import REPOSITORY

PROGRAM = """
import gc
from sjft.loading import loading

with loading():
    inside = gc.isenabled()
    import decimal
print(inside, gc.isenabled(), gc.get_freeze_count() > 1000)
cycle = type("Cycle", (), {"__del__": lambda self: print("found")})()
cycle.itself = cycle
del cycle
"""

FAILING = """
import gc
from sjft.loading import loading

try:
    with loading():
        import absent
except ImportError:
    print(gc.isenabled())
"""


def told(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_garbage_is_put_off_while_modules_are_loaded() -> None:
    assert told(PROGRAM) == ["False", "True", "True"]


def test_what_becomes_garbage_after_that_is_found() -> None:
    assert told(PROGRAM + "gc.collect()") == ["False", "True", "True", "found"]


def test_a_module_that_cannot_be_loaded_leaves_the_search_on() -> None:
    assert told(FAILING) == ["True"]


def test_a_job_has_none_while_its_stage_is_loaded_and_nobody_else_who_reads_a_script() -> None:
    path = f"import sys; sys.path.insert(0, {str(REPOSITORY / 'workflow/scripts')!r})\n"
    program = "import gc\nimport job_runner\nprint(gc.isenabled())\n"
    assert told(path + program) == ["True"]
    assert told(path + "snakemake = None\n" + program) == ["False"]
