"""Progress of long loops: a bar on a terminal, plain lines in the log."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 10.0


def progress(
    items: Iterable[Item],
    *,
    total: int | None,
    what: str,
    unit: str,
    per_item: int = 1,
    bar: bool = True,
) -> Iterator[Item]:
    """Yield the items; show how many of ``total`` units are done, their rate and the time left.

    Each item stands for ``per_item`` units (a batch of images, say). Without a total, what is done
    and its rate are shown. ``bar`` is for one of several processes that do the same.
    """
    log = logging.getLogger("sjft.progress")
    started = last_line = time.monotonic()
    done = 0
    hidden = not (bar and sys.stderr.isatty())
    with tqdm(total=total, desc=what, unit=f" {unit}", disable=hidden, leave=False) as drawn:
        for item in items:
            yield item
            advance = per_item if total is None else min(per_item, total - done)
            done += advance
            drawn.update(advance)
            now = time.monotonic()
            if now - last_line >= SECONDS_BETWEEN_LINES and done != total:
                last_line = now
                log.info(_line(what, unit, done, total, done / (now - started)))
    seconds = time.monotonic() - started
    log.info("%s: %d %s in %.1f s", what, done, unit, seconds)


def _line(what: str, unit: str, done: int, total: int | None, rate: float) -> str:
    if total is None:
        return f"{what}: {done} {unit}, {rate:.1f} a second"
    left = (total - done) / rate
    return f"{what}: {done} of {total} {unit}, {rate:.1f} a second, {left:.0f} s left"
