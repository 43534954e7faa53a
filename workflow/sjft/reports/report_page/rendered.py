"""Markdown that this program wrote, as HTML: what a class is called is never read as HTML."""

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

LOWER = 2  # the page has a heading of its own, and each section
_FOLD = re.compile(r"<p>&lt;details&gt;&lt;summary&gt;(.*?)&lt;/summary&gt;</p>")


def rendered(markdown: str) -> str:
    """HTML of a text with tables; its headings begin with h3, its tables can be scrolled.

    Of HTML the text may hold `<details>` alone, with a `<summary>`, on lines of their own.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + LOWER)}"
        if token.type == "th_open":
            token.attrSet("scope", "col")
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", _close_table)
    parser.add_render_rule("fence", _code)
    html: str = parser.renderer.render(tokens, parser.options, {})
    folded = _FOLD.sub(r"<details><summary>\1</summary>", html)
    return folded.replace("<p>&lt;/details&gt;</p>", "</details>")


# They can be scrolled by keys, and so have a name: as landmarks there would be several of one name.
def _open_table(*_: Any) -> str:
    return '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>'


def _close_table(*_: Any) -> str:
    return "</table></div>"


def _code(_: Any, tokens: Sequence[Token], place: int, *__: Any) -> str:
    text = tokens[place].content.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<pre tabindex="0" role="group" aria-label="Code"><code>{text}</code></pre>'
