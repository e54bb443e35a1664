#!/usr/bin/env python3
"""check_page.py FILE [TEXT...]

Checks the page that report() made: well-formed, HTML in its structure, complete in what
a screen reader needs, without scripts and without anything from elsewhere.  Each TEXT
must be the whole text of an element, or a part of it that stands between spaces and
commas.  Prints what is wrong, and fails then.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

VOID = {"meta", "br"}
ALLOWED = VOID | set("html head title style body header nav ul li a main h1 h2 p dl div dt dd section table thead tbody"
                     " tr th td span code time details summary".split())
wrong = []


class Reader(HTMLParser):
    """What a browser makes of it: the tags as they are opened and closed."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attributes):
        if tag not in ALLOWED:
            wrong.append(f"<{tag}> at {self.getpos()}")
        for name, value in attributes:
            if name.startswith("on") or name in ("src", "srcset") or (name == "href" and not value.startswith("#")):
                wrong.append(f"{name}={value} of <{tag}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            wrong.append(f"<{tag}/>")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            wrong.append(f"</{tag}> at {self.getpos()}")

    def handle_comment(self, data):
        wrong.append(f"comment {data}")


def check_tables(root):
    for table in root.iter("table"):
        head = [th.text for th in table.find("thead").iter("th")]
        for row in table.find("tbody"):
            cells = list(row)
            labels = [cell.get("data-label") for cell in cells]
            if labels[1:] != head[1:] or cells[0].tag != "th" or cells[0].get("scope") != "row":
                wrong.append(f"row of {head}: {labels}")
            if any(cell.get("role") not in ("cell", "rowheader") for cell in cells):
                wrong.append(f"row of {head}: roles")


def check_references(root):
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    if len(ids) != len(set(ids)):
        wrong.append("an id is there twice")
    for element in root.iter():
        for target in (element.get("aria-labelledby"), (element.get("href") or "")[1:]):
            if target and target not in ids:
                wrong.append(f"no such id: {target}")
    sections = [e.get("id") for e in root.iter("section")]
    if [a.get("href")[1:] for a in root.iter("a")] != sections:
        wrong.append("the navigation does not lead to all sections")


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        page = file.read()
    reader = Reader()
    reader.feed(page)
    if reader.open:
        wrong.append(f"not closed: {reader.open}")
    root = ElementTree.fromstring(page.replace("<!DOCTYPE html>", "", 1))
    if root.get("lang") != "en" or len(list(root.iter("h1"))) != 1 or not root.find("head/title").text:
        wrong.append("language, title or heading")
    if "default-src 'none'" not in ElementTree.tostring(root.find("head"), encoding="unicode"):
        wrong.append("no policy against scripts")
    check_tables(root)
    check_references(root)
    texts = ["".join(e.itertext()) for e in root.find("body").iter()]
    for wanted in sys.argv[2:]:
        if not any(re.search(r"(^|[\s,:])" + re.escape(wanted) + r"($|[\s,:])", text) for text in texts):
            wrong.append(f"not there: {wanted}")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
