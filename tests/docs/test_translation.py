"""README.ru.md says what README.md says: the same headings, code, links and figures."""

import re

from doc_pages import ROOT, blocks, prose

ENGLISH, RUSSIAN = ROOT / "README.md", ROOT / "README.ru.md"


def levels(page):
    return re.findall(r"^(#+) ", prose(page), re.MULTILINE)


def targets(page):
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)) if not target.startswith("README")]


def figures(page):
    return sorted(re.findall(r"(?<![\w.])\d+(?:\.\d+)*", prose(page).replace("/resnext50", "")))


def test_headings_are_as_many_and_as_deep():
    assert levels(RUSSIAN) == levels(ENGLISH)


def test_code_is_the_same():
    assert blocks(RUSSIAN) == blocks(ENGLISH)


def test_links_and_pictures_are_the_same():
    assert targets(RUSSIAN) == targets(ENGLISH)


def test_figures_are_the_same():
    assert figures(RUSSIAN) == figures(ENGLISH)


def test_rows_of_tables_are_as_many():
    assert prose(RUSSIAN).count("\n|") == prose(ENGLISH).count("\n|")


def test_each_leads_to_the_other():
    assert "(README.ru.md)" in prose(ENGLISH)
    assert "(README.md)" in prose(RUSSIAN)
