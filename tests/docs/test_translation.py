"""README.ru.md matches README.md: the same headings, code, links and numbers."""

import re

from doc_pages import ROOT, blocks, prose

ENGLISH, RUSSIAN = ROOT / "README.md", ROOT / "README.ru.md"


def heading_levels(page):
    return re.findall(r"^(#+) ", prose(page), re.MULTILINE)


def link_targets(page):
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)) if not target.startswith("README")]


def numbers(page):
    return sorted(re.findall(r"(?<![\w.])\d+(?:\.\d+)*", prose(page).replace("/resnext50", "")))


def test_headings_have_the_same_levels():
    assert heading_levels(RUSSIAN) == heading_levels(ENGLISH)


def test_code_blocks_are_the_same():
    assert blocks(RUSSIAN) == blocks(ENGLISH)


def test_links_and_pictures_are_the_same():
    assert link_targets(RUSSIAN) == link_targets(ENGLISH)


def test_numbers_are_the_same():
    assert numbers(RUSSIAN) == numbers(ENGLISH)


def test_tables_have_the_same_number_of_rows():
    assert prose(RUSSIAN).count("\n|") == prose(ENGLISH).count("\n|")


def test_each_page_links_to_the_other():
    assert "(README.ru.md)" in prose(ENGLISH)
    assert "(README.md)" in prose(RUSSIAN)
