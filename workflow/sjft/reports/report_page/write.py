"""Write the report's page: one file, with all that it shows inside it."""

import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from sjft.data.location import ImageFolders
from sjft.reports.names import visible
from sjft.reports.report_page.accuracy_section import (
    accuracy,
    of_whole_split,
    skipped_in_evaluation,
)
from sjft.reports.report_page.bins_section import bins
from sjft.reports.report_page.blocks import Block, Chart, Rendered, Section, Table, Text
from sjft.reports.report_page.data_sections import comparison, datasets, leakage, retrieval
from sjft.reports.report_page.galleries_section import galleries
from sjft.reports.report_page.inputs import (
    Circumstances,
    ReportInputs,
    RuleCost,
)
from sjft.reports.report_page.page_files import EXPLORER_CSS, PAGE, SCRIPTS
from sjft.reports.report_page.read import text_of
from sjft.reports.report_page.rendered import rendered
from sjft.reports.report_page.subset_section import subset
from sjft.reports.report_page.thumbnails import DETAILS, Detail
from sjft.reports.report_page.training_sections import difficulty, learning
from sjft.reports.summary import read_summary
from sjft.storage.files import write_text
from sjft.wording import counted

LOG = logging.getLogger(__name__)
# Snakemake's report of one file holds the page as a data URI, four characters for three bytes, and
# Chromium opens none of more than 2 MB in a frame.
MOST_BYTES_IN_ONE_FILE = 1_500_000


def write_report(
    inputs: ReportInputs, folders: ImageFolders, known: Circumstances, page: Path
) -> None:
    """Write the page of an experiment.

    Images that cannot be read any more are named in the log, and have a note in their place.
    Raises `UserError` for files that are damaged or missing.
    """
    summary = read_summary(inputs.summary)
    published = _published(inputs, summary)
    evaluated = accuracy(inputs.runs, published, folders.target, page)
    used = subset(inputs.runs, inputs.datasets, folders)
    sections = [
        comparison(inputs, summary),
        datasets(inputs, folders),
        leakage(inputs, folders),
        bins(inputs.retrievals),
        retrieval(inputs),
        galleries(inputs, folders, published, page),
        _with(used, _explorer(inputs.optional["explorer"], page)),
        learning(inputs.runs),
        difficulty(inputs.runs),
        _with(evaluated, [*of_whole_split(summary), *skipped_in_evaluation(inputs.runs)]),
        _ablation(inputs.optional["ablation_text"], inputs.optional["ablation_plot"]),
        _costs(known.costs),
        _made_with(known),
        Section("card", "Model card", [_markdown(inputs.card)]),
    ]
    write_text(page, _small_enough(inputs.experiment, sections, page))


def _small_enough(experiment: str, sections: Sequence[Section], page: Path) -> str:
    """The page's text: where its images make it too large for a frame, they are smaller ones.

    Where it is too large even so, nothing is gained by that, and they are as large as ever.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, finalize=_without_turning
    )
    template = environment.from_string((PAGE / "report.html").read_text("utf-8"))
    css = Markup(EXPLORER_CSS.read_text("utf-8") + (PAGE / "report.css").read_text("utf-8"))
    script = Markup("".join((PAGE / name).read_text("utf-8") for name in SCRIPTS))

    def text_with(detail: Detail) -> str:
        text = template.render(
            experiment=experiment,
            sections=sections,
            detail=detail,
            safe=Markup,
            counted=counted,
            code=_with_code,
            css=css,
            script=script,
        )
        return text + "\n"

    for detail in DETAILS:
        text = text_with(detail)
        if len(text.encode("utf-8")) <= MOST_BYTES_IN_ONE_FILE:
            if detail != DETAILS[0]:
                LOG.info(
                    "images on the page have %d pixels at their longer side instead of %d, so "
                    "that Chromium shows the page inside `snakemake --report report.html`",
                    detail.side,
                    DETAILS[0].side,
                )
            return text
    text = text_with(DETAILS[0])
    LOG.warning(
        "%s has %.1f MB, and is too large with the smallest images too: Chromium does not show so "
        "much inside `snakemake --report report.html`. Name a report.zip instead, or open the page "
        "itself.",
        page,
        len(text.encode("utf-8")) / 1e6,
    )
    return text


def _without_turning(value: object) -> object:
    """What the page shows of a value: a text's marks that turn a line around are told."""
    if isinstance(value, Markup):
        return Markup(visible(value))
    return visible(value) if isinstance(value, str) else value


def _with_code(text: str) -> Markup:
    """A text as HTML, in which what stands between backticks is code.

    No line ends between a number and its per cent, which on a telephone it often would.
    """
    parts = [
        Markup("<code>{}</code>").format(part)
        if place % 2
        else Markup("{}").format(re.sub(r"(?<=\d) (?=%)", "\u00a0", part))
        for place, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


def _published(inputs: ReportInputs, summary: Mapping[str, Any]) -> str:
    told: str = summary.get("published", {}).get("arm", inputs.published)
    return told


def _with(section: Section, more: Iterable[Block]) -> Section:
    return Section(section.key, section.title, [*section.blocks, *more])


def _markdown(path: Path) -> Rendered:
    return Rendered(rendered(text_of(path)))


def _explorer(explorer: Path, page: Path) -> list[Block]:
    if not explorer.is_file():
        return [Text(f"Who was borrowed for whom, image by image: `snakemake {explorer}` says it.")]
    place = os.path.relpath(explorer, page.parent)
    return [Text(f"Who was borrowed for whom, image by image: {explorer}", link=place)]


def _ablation(text: Path, plot: Path) -> Section:
    """The ablation as it lies there; the page does not ask for one."""
    blocks: list[Block] = []
    if plot.is_file():
        meaning = "Each arm's seeds, their mean and its interval; the table has all numbers."
        blocks.append(Chart("Ablation", text_of(plot), meaning))
    if text.is_file():
        blocks.append(_markdown(text))
    if not blocks:
        command = f"snakemake {text.with_suffix('.csv')}"
        blocks = [Text(f"There is none yet: `{command}` runs the arms with several seeds.")]
    return Section("ablation", "Ablation", blocks)


def _costs(costs: Sequence[RuleCost]) -> Section:
    rows = [
        [
            cost.rule,
            cost.jobs,
            cost.not_measured,
            f"{cost.seconds:.1f}",
            cost.peak,
            cost.declared,
        ]
        for cost in costs
    ]
    head = ["rule", "jobs", "not measured", "seconds", "MB at the peak", "MB declared"]
    caption = (
        "Seconds of all jobs of a rule; of memory the job that came nearest to what it declared"
    )
    blocks: list[Block] = [Table(caption, head, rows)]
    over = [c.rule for c in costs if c.peak is not None and c.declared and c.peak > c.declared]
    if over:
        blocks.append(Text(f"More memory than declared: {', '.join(over)}.", "warning"))
    return Section("costs", "Run time and memory", blocks)


def _made_with(known: Circumstances) -> Section:
    code = Rendered(rendered(f"```yaml\n{known.settings.rstrip()}\n```"))
    rows = list(known.versions.items())
    table = Table("Versions that this page was made with", ["package", "version"], rows)
    return Section("settings", "Versions and settings", [table, code])
