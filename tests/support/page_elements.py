"""The elements of an HTML page, to look for what would run or load."""

from __future__ import annotations

from html.parser import HTMLParser


class PageElements(HTMLParser):
    """Elements of a page by how often they are in it, with the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}
