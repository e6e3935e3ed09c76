import math

import pandas as pd
import pytest
from PIL import Image

from hand_gestures.reporting import html as embedded_pictures
from hand_gestures.reporting.html import (
    NOTHING,
    Facts,
    Figure,
    Heading,
    Headline,
    Notes,
    Pictures,
    Section,
    Table,
    Text,
    render_report,
    table,
    written,
)
from html_page import Page, body

HOSTILE = [
    "<script>alert('x')</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</style><b>",
    "{{ 7 * 7 }} {% raw %}",
    "&amp; & &#60;",
    "дві руки ✋",
]


def page(*blocks, **head):
    return Page(render_report("Title", "Lead.", [Section("Part", blocks)], **head))


@pytest.fixture
def figure(tmp_path):
    Image.new("RGB", (300, 150), "white").save(tmp_path / "figure.png", dpi=(150, 150))
    return tmp_path / "figure.png"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_wherever_it_stands(name, tmp_path, figure):
    (tmp_path / "sheets").mkdir()
    Image.new("RGB", (40, 30)).save(tmp_path / "sheets" / f"{name.replace('/', ' ')}.png")
    everywhere = [
        Heading(name),
        Text(name),
        Notes([name, name], name),
        Figure(figure, name),
        Table([name, name], [[name, 1.0]], name),
        Table([name], [[name]] * 41, name),
        Facts([(name, name)]),
        Pictures(tmp_path / "sheets", name, name),
        Pictures(tmp_path / "none", name, name),
    ]
    html = render_report(name, name, [Section(name, everywhere)], [Headline(name, name, name)], [(name, name)])
    found = Page(html)
    found.assert_self_contained()
    plain = " ".join(name.split())
    assert plain in found.all("title")
    assert {"h1", "h2", "h3", "h4", "p", "li", "th", "td", "dt", "dd", "strong", "summary", "figcaption", "a"} <= {
        tag for tag in found.texts if any(plain in text for text in found.all(tag))
    }
    assert {name, name.replace("/", " ")} == {held["alt"] for tag, held in found.attributes if tag == "img"}


def test_a_page_needs_nothing_beside_it_and_the_browser_is_told_so():
    found = page(Text("x"))
    found.assert_self_contained()
    policy = [held["content"] for tag, held in found.attributes if held.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_the_index_leads_to_every_section():
    found = Page(render_report("t", "l", [Section("One", [Text("x")]), Section("Two", [])]))
    assert found.all("a") == found.all("h2") == ["One", "Two"]
    places = {held["id"] for tag, held in found.attributes if tag == "section"}
    assert {f"#{place}" for place in places} == {held["href"] for tag, held in found.attributes if tag == "a"}


def test_the_head_has_headlines_and_facts_only_where_there_are_some():
    full = page(headlines=[Headline("accuracy", "0.900", "over 6 groups")], facts=[("seed", 42)])
    assert full.all("span") == ["accuracy", "over 6 groups"]
    assert full.all("strong") == ["0.900"]
    assert full.all("dd") == ["42"]
    assert page().count("dl") == page().count("strong") == 0


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (0.5, "0.500"),
        ((0.25, 1.0), "0.250 to 1.000"),
        (72, "72"),
        (math.nan, NOTHING),
        (None, NOTHING),
        ((math.nan, 1.0), f"{NOTHING} to 1.000"),
        (True, "yes"),
        ("", ""),
        ("0.5", "0.5"),
    ],
)
def test_cells_are_written_with_three_digits_and_a_dash_for_what_is_missing(cell, text):
    assert written(cell) == text


def test_columns_of_numbers_stand_right_and_columns_of_words_left():
    rows = [["wave", 3, 0.5, (0.1, 0.2)], ["fist", 4, None, ""]]
    found = page(Table(["class", "clips", "accuracy", "interval"], rows, "Classes"))
    right = [held.get("class") == "number" for tag, held in found.attributes if tag in {"th", "td"}]
    assert right == 3 * [False, True, True, True]


def test_a_table_of_no_rows_is_a_table():
    assert page(Table(["class"], [], "Classes")).all("th") == ["class"]


@pytest.mark.parametrize(("rows", "folded"), [(40, False), (41, True)])
def test_long_tables_are_folded(rows, folded):
    found = page(Table(["n"], [[n] for n in range(rows)], "Numbers"))
    assert found.count("details") == folded
    assert found.all("summary") == ["Numbers: 41 rows"] * folded
    assert found.count("tr") == rows + 1


def test_a_data_frame_keeps_its_names_and_loses_its_missing_values():
    frame = pd.DataFrame({"class_name": ["7", "NA"], "clips": [1, 2], "f1": [0.25, math.nan]}).assign(
        found=pd.array([True, None], "boolean")
    )
    found = page(table(frame, "Classes", digits=1))
    assert found.all("th") == ["class name", "clips", "f1", "found"]
    assert found.all("td") == ["7", "1", "0.2", "yes", "NA", "2", NOTHING, NOTHING]


def test_a_figure_has_the_size_it_was_drawn_for_and_a_text_for_those_who_cannot_see_it(figure):
    ((_, held),) = [element for element in page(Figure(figure, "Bars.")).attributes if element[0] == "img"]
    assert (held["width"], held["height"], held["alt"]) == ("192", "96", "Bars.")
    assert held["src"].startswith("data:image/")


def test_pictures_are_folded_and_named(tmp_path):
    for name in ("b", "a"):
        Image.new("RGB", (40, 30)).save(tmp_path / f"{name}.jpg")
    found = page(Pictures(tmp_path, "Sheets", "none"))
    assert found.all("summary") == ["Sheets: 2 pictures"]
    assert found.all("figcaption") == ["a", "b"]


def test_an_empty_folder_is_said_in_a_sentence(tmp_path):
    found = page(Pictures(tmp_path, "Sheets", "There are no sheets."))
    assert found.all("p")[-1] == "There are no sheets."
    assert found.count("details") == 0
    assert page(Pictures(tmp_path, "Sheets")).all("p") == ["Lead."]


def test_pictures_that_had_no_room_are_counted(tmp_path, monkeypatch):
    for number in range(5):
        Image.effect_noise((300, 200), 90).save(tmp_path / f"{number}.png")
    monkeypatch.setattr(embedded_pictures, "FOLDER_BYTES", 60_000)
    found = page(Pictures(tmp_path, "Sheets", "none"))
    shown = found.count("img")
    assert 0 < shown < 5
    assert found.all("summary") == [f"Sheets: {shown} picture{'s' * (shown != 1)} of 5"]
    assert f"{5 - shown} more had no room" in body(found)
    assert f"in the folder {tmp_path.name}." in body(found)
