"""What a fork does to be the process that it stands for, and how it ends."""

import atexit
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn


def become(
    folder: str, environment: Mapping[str, str], words: Sequence[str], modules: Path
) -> None:
    """Take the folder, variables and command line of a process.

    ``modules`` is where Python looks for modules first, then in what PYTHONPATH names.
    """
    ours, theirs = (of.get("PYTHONPATH", "").split(os.pathsep) for of in (os.environ, environment))
    named = [place for place in theirs if place]
    sys.path[:] = [str(modules), *named, *(p for p in sys.path[1:] if p not in ours)]
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [*words]


def end_after(work: Callable[[], object]) -> NoReturn:
    """Work, and end as Python does; but take no modules apart, whose memory is shared till then."""
    code: object = 1
    try:
        work()
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    if not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
