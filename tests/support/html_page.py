"""A parser that checks a page and collects what it says."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """Collects what a page refers to and says."""

    void = frozenset({"meta", "br", "wbr", "img", "link"})

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.ids, self.text = [], [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        facts = dict(attrs)
        self.links += [facts[name] for name in ("href", "src") if name in facts]
        self.ids += [facts["id"]] if "id" in facts else []
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.void:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)
