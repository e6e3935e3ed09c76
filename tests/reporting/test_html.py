import base64
import io
import math

import numpy as np
import pandas as pd
import pytest
from jinja2 import UndefinedError
from PIL import Image

from hand_gestures.evaluation.tables import confusion
from hand_gestures.reporting import html as module
from hand_gestures.reporting.html import (
    MISSING,
    PICTURE_WIDTHS,
    cell_text,
    embed_folder,
    embed_plot,
    environment,
    text_table,
)
from hand_gestures.reporting.report import report
from html_page import Page, body
from run_results import PLOTS, SHEETS, VALIDATION, class_summary, record, run_results

HOSTILE = [
    "<script>alert('x')</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</style><b>",
    "{{ 7 * 7 }} {% raw %}",
    "&amp; & &#60;",
    "дві руки ✋",
]


FRAME = """{% extends "page.html" %}{% import "macros.html" as show %}{% set title = name %}
{% set sections = {"part": name} %}{% block header %}HEADER{% endblock %}{% block part %}PART{% endblock %}"""


def page(part="", header="", name="Title", **values):
    """A page of one section with these pieces of a template."""
    source = FRAME.replace("HEADER", header).replace("PART", part)
    return Page(environment().from_string(source).render(name=name, **values))


@pytest.fixture
def figure(tmp_path):
    Image.new("RGB", (300, 150), "white").save(tmp_path / "figure.png", dpi=(150, 150))
    return tmp_path / "figure.png"


EVERY_MACRO = """<p>{{ name }}</p>{{ show.notes([name, name], name) }}{{ show.plot(plot, name) }}
{{ show.table(short, name) }}{{ show.table(long, name) }}{{ show.facts([(name, name)]) }}
{{ show.pictures(folder, name, name) }}{{ show.pictures(folder / "none", name, name) }}"""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_wherever_it_is_shown(name, tmp_path, figure):
    (tmp_path / "sheets").mkdir()
    Image.new("RGB", (40, 30)).save(tmp_path / "sheets" / f"{name.replace('/', ' ')}.png")
    short = pd.DataFrame([[name, 1.0]], columns=[name, name])
    long = pd.DataFrame({name: [name] * 41})
    found = page(EVERY_MACRO, name=name, plot=figure, short=short, long=long, folder=tmp_path / "sheets")
    found.assert_self_contained()
    plain = " ".join(name.split())
    assert plain in found.all("title")
    assert {"h1", "h2", "h3", "h4", "p", "li", "th", "td", "dt", "dd", "summary", "figcaption", "a"} <= {
        tag for tag in found.texts if any(plain in text for text in found.all(tag))
    }
    assert {name, name.replace("/", " ")} == {held["alt"] for tag, held in found.attributes if tag == "img"}


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_a_real_run_are_text_in_its_report(name, tmp_path, figure):
    worst = VALIDATION | {"worst_group": name}
    confused = confusion(pd.DataFrame({"class_name": [name, "b"], "predicted": ["b", name]}))
    results = run_results(
        evaluation=worst,
        confusion=confused,
        class_summary=class_summary([name, "b", "(all)"]),
        run_record=record(notice=name),
        registry_decision={"sentence": name},
    )
    pictures = dict.fromkeys(PLOTS, figure) | dict.fromkeys(SHEETS, tmp_path / "none")
    found = Page(report(results, pictures))
    found.assert_self_contained()
    plain = " ".join(name.split())
    assert {"span", "td", "p"} <= {tag for tag in found.texts if any(plain in text for text in found.all(tag))}


def test_a_page_needs_no_other_file_and_the_browser_must_not_fetch_any():
    found = page("x")
    found.assert_self_contained()
    policy = [held["content"] for tag, held in found.attributes if held.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_the_index_leads_to_every_section():
    two = """{% extends "page.html" %}{% set title = "t" %}{% set sections = {"one": "One", "two": "Two"} %}
    {% block one %}x{% endblock %}{% block two %}{% endblock %}"""
    found = Page(environment().from_string(two).render())
    assert found.all("a") == found.all("h2") == ["One", "Two"]
    ids = {held["id"] for tag, held in found.attributes if tag == "section"}
    assert {f"#{name}" for name in ids} == {held["href"] for tag, held in found.attributes if tag == "a"}


def test_the_head_has_facts_only_if_the_page_has_some():
    full = page(header="{{ show.facts([('seed', 42)]) }}")
    assert full.all("dd") == ["42"]
    assert page().count("dl") == page().count("strong") == 0


def test_a_value_that_a_template_misses_is_an_error():
    with pytest.raises(UndefinedError, match="missing"):
        page("{{ missing }}")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (0.5, "0.500"),
        ((0.25, 1.0), "0.250 to 1.000"),
        (72, "72"),
        (math.nan, MISSING),
        (None, MISSING),
        ((math.nan, 1.0), f"{MISSING} to 1.000"),
        (True, "yes"),
        ("", ""),
        ("0.5", "0.5"),
    ],
)
def test_cells_have_three_digits_and_a_dash_if_missing(cell, text):
    assert cell_text(cell) == text


def test_columns_of_numbers_are_aligned_right_and_columns_of_words_left():
    rows = [["wave", 3, 0.5, (0.1, 0.2)], ["fist", 4, None, ""]]
    found = page(
        "{{ show.table(table, 'Classes') }}", table=text_table(["class", "clips", "accuracy", "interval"], rows)
    )
    right = [held.get("class") == "number" for tag, held in found.attributes if tag in {"th", "td"}]
    assert right == 3 * [False, True, True, True]


def test_counts_beside_a_missing_one_stay_whole_numbers():
    found = page("{{ show.table(table, 'Clips') }}", table=text_table(["clips"], [[3], [None]]))
    assert found.all("td") == ["3", MISSING]


def test_a_table_without_rows_is_a_table():
    assert page("{{ show.table(table, 'Classes') }}", table=text_table(["class"], [])).all("th") == ["class"]


@pytest.mark.parametrize(("rows", "folded"), [(40, False), (41, True)])
def test_long_tables_are_folded(rows, folded):
    found = page("{{ show.table(table, 'Numbers') }}", table=pd.DataFrame({"n": range(rows)}))
    assert found.count("details") == folded
    assert found.all("summary") == ["Numbers: 41 rows"] * folded
    assert found.count("tr") == rows + 1


def test_a_table_keeps_its_names_and_shows_missing_values_as_a_dash():
    frame = pd.DataFrame({"class_name": ["7", "NA"], "clips": [1, 2], "f1": [0.25, math.nan]}).assign(
        found=pd.array([True, None], "boolean")
    )
    found = page("{{ show.table(table, 'Classes', digits=1) }}", table=frame)
    assert found.all("th") == ["class", "clips", "f1", "found"]
    assert found.all("td") == ["7", "1", "0.2", "yes", "NA", "2", MISSING, MISSING]


def test_a_plot_has_the_size_it_was_drawn_for_and_a_text_for_those_who_cannot_see_it(figure):
    found = page("{{ show.plot(plot, 'Bars.') }}", plot=figure)
    ((_, held),) = [element for element in found.attributes if element[0] == "img"]
    assert (held["width"], held["height"], held["alt"]) == ("192", "96", "Bars.")
    assert held["src"].startswith("data:image/")


def test_pictures_are_folded_and_named(tmp_path):
    for name in ("b", "a"):
        Image.new("RGB", (40, 30)).save(tmp_path / f"{name}.jpg")
    found = page("{{ show.pictures(folder, 'Sheets', 'none') }}", folder=tmp_path)
    assert found.all("summary") == ["Sheets: 2 pictures"]
    assert found.all("figcaption") == ["a", "b"]


def test_an_empty_folder_gives_a_sentence(tmp_path):
    found = page("{{ show.pictures(folder, 'Sheets', 'There are no sheets.') }}", folder=tmp_path)
    assert found.all("p") == ["There are no sheets."]
    assert found.count("details") == 0
    assert page("{{ show.pictures(folder, 'Sheets') }}", folder=tmp_path).all("p") == []


def test_pictures_that_do_not_fit_are_counted(tmp_path, monkeypatch):
    for number in range(5):
        Image.effect_noise((300, 200), 90).save(tmp_path / f"{number}.png")
    monkeypatch.setattr(module, "FOLDER_BYTES", 60_000)
    found = page("{{ show.pictures(folder, 'Sheets', 'none') }}", folder=tmp_path)
    shown = found.count("img")
    assert 0 < shown < 5
    assert found.all("summary") == [f"Sheets: {shown} picture{'s' * (shown != 1)} of 5"]
    assert f"{5 - shown} more did not fit" in body(found)
    assert f"in the folder {tmp_path.name}." in body(found)


def opened(picture):
    return Image.open(io.BytesIO(base64.b64decode(picture.uri.partition(",")[2])))


def noise(folder, count, width=400, height=300):
    """Pictures that hardly compress."""
    generator = np.random.default_rng(0)
    for number in range(count):
        pixels = generator.integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.jpg", quality=50)


def test_a_plot_loses_nothing(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "f.png", dpi=(150, 150))
    picture = embed_plot(tmp_path / "f.png")
    assert (np.asarray(opened(picture).convert("RGB")) == pixels).all()
    assert (picture.width, picture.height) == (26, 19)


def test_a_plot_that_is_longer_than_webp_allows_stays_a_png(tmp_path):
    Image.new("RGB", (3, 17_000)).save(tmp_path / "f.png")
    picture = embed_plot(tmp_path / "f.png")
    assert picture.uri.startswith("data:image/png;")
    assert opened(picture).size == (3, 17_000)


def test_few_pictures_are_as_wide_as_a_page(tmp_path):
    Image.new("RGB", (3000, 2000)).save(tmp_path / "wide.png")
    Image.new("RGB", (500, 400)).save(tmp_path / "narrow.png")
    narrow, wide = embed_folder(tmp_path).pictures
    assert (wide.width, wide.height) == opened(wide).size == (PICTURE_WIDTHS[0], round(PICTURE_WIDTHS[0] * 2 / 3))
    assert (narrow.width, narrow.height) == (500, 400)


def test_many_pictures_are_smaller(tmp_path, monkeypatch):
    noise(tmp_path, 4, 1072, 300)
    at_full_width = sum(len(picture.uri) for picture in embed_folder(tmp_path).pictures) * 3 / 4
    monkeypatch.setattr(module, "FOLDER_BYTES", int(0.7 * at_full_width))
    small = embed_folder(tmp_path)
    assert len(small.pictures) == small.available == 4
    assert small.pictures[0].width == PICTURE_WIDTHS[1]


def test_pictures_of_very_many_classes_stay_within_the_budget_and_the_rest_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FOLDER_BYTES", 200_000)
    noise(tmp_path, 120, 100, 80)
    folder = embed_folder(tmp_path)
    assert folder.available == 120
    assert 0 < len(folder.pictures) < 120
    assert sum(len(picture.uri) for picture in folder.pictures) < 4 / 3 * 200_000 + 30 * len(folder.pictures)
    assert [picture.name for picture in folder.pictures] == [f"{number:03d}" for number in range(len(folder.pictures))]


def test_a_folder_that_is_empty_or_missing_has_no_pictures(tmp_path):
    assert embed_folder(tmp_path) == embed_folder(tmp_path / "none") == ([], 0)


@pytest.mark.parametrize(("mode", "name"), [("RGBA", "a.png"), ("L", "a.jpg"), ("P", "a.png"), ("CMYK", "a.jpeg")])
def test_pictures_of_any_mode_are_shown(tmp_path, mode, name):
    Image.new(mode, (40, 30)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    assert len(embed_folder(tmp_path).pictures) == 1
