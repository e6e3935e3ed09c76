"""An HTML page as a browser reads it: faults raise, what it holds can be asked for."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input"}
OUTSIDE = ("src", "srcset", "href", "data", "action", "poster", "background", "style")  # attributes that can fetch


class Page(HTMLParser):
    """Elements must be closed in order; `texts` are by element, `fetched` is all that an attribute names."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.fetched: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.attributes.append((tag, dict(attrs)))
        self.fetched += [value or "" for name, value in attrs if name in OUTSIDE]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def all(self, tag: str) -> list[str]:
        """The text of each such element, blanks made one."""
        return [" ".join(text.split()) for text in self.texts.get(tag, [])]

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.attributes)

    def assert_self_contained(self) -> None:
        assert not {"script", "link", "iframe", "object", "embed", "base"} & {tag for tag, _ in self.attributes}
        assert all(value.startswith(("data:image/", "#")) for value in self.fetched)
        styles = " ".join(self.texts["style"])
        assert "url(" not in styles
        assert "@import" not in styles


def body(page: Page) -> str:
    """All text that is shown."""
    return page.all("body")[0]
