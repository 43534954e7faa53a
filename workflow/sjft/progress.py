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

    The log's rate leaves out the warm-up: the first item, and from the second line on all before
    the first line. Before there are two items there is no rate.
    """
    log = logging.getLogger("sjft.progress")
    started = last_line = time.monotonic()
    warm: tuple[float, int] | None = None
    done = lines = 0
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
                log.info(_line(what, unit, done, total, _rate(warm, (now, done))))
                lines += 1
                if lines == 1:
                    warm = (now, done)
            if warm is None:
                warm = (now, done)
    seconds = time.monotonic() - started
    log.info("%s: %d %s in %.1f s", what, done, unit, seconds)


def _rate(since: tuple[float, int] | None, now: tuple[float, int]) -> float | None:
    """Units a second between two moments, each with what was done by then."""
    if since is None or now[0] <= since[0]:
        return None
    return (now[1] - since[1]) / (now[0] - since[0])


def _line(what: str, unit: str, done: int, total: int | None, rate: float | None) -> str:
    text = f"{what}: {done} {unit}" if total is None else f"{what}: {done} of {total} {unit}"
    if not rate:
        return text
    text += f", {rate:.1f} a second" if rate >= 0.1 else f", {1 / rate:.0f} s for each"
    return text if total is None else f"{text}, {(total - done) / rate:.0f} s left"
