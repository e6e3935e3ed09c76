"""Names that users really have, from a folder of frames to tables and pictures, by the command line."""

import csv
import unicodedata

import pandas as pd
import yaml

from hand_gestures.catalog_datasets import SafeCSVDataset

HARD_NAMES = [
    "what?",
    "a#b",
    "%2e%2e",
    "=1+1",
    "-rf",
    "'quoted",
    "CON",
    "dot.",
    "space ",
    "手" * 70,
    "Wave",
    "NA",
    "'=1",
]
DECOMPOSED, COMPOSED = "и\u0306 u\u0308", "й ü"


def test_any_name_of_a_class_passes_through_data_processing(kedro, project, write_frames):
    write_frames(wave=3, **dict.fromkeys(HARD_NAMES, 2), **{DECOMPOSED: 2, COMPOSED: 1, "line\nbreak": 2})
    (project / "frames" / COMPOSED / "v0_frame_0.jpg").rename(project / "frames" / COMPOSED / f"{COMPOSED}_frame_0.jpg")
    (project / "frames/wave/v2_frame_0.jpg").rename(project / "frames/wave/=v2_frame_0.jpg")
    (project / "frames/wave/=notes\t.txt").write_text("x")
    with (project / "lists.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [(name, f"v{number}", side) for name in HARD_NAMES for number, side in enumerate(("train", "val"))]
        csv.writer(file).writerows([("class_name", "video_id", "split"), *rows, (DECOMPOSED, COMPOSED, "train")])
    settings = {"frames_dir": str(project / "frames"), "data_root": str(project / "out")}
    (project / "conf/local/globals.yml").write_text(yaml.safe_dump(settings))
    (project / "conf/local/parameters.yml").write_text(
        yaml.safe_dump({"split": {"lists": str(project / "lists.csv"), "group_pattern": None}})
    )
    run = kedro("run", "--pipeline", "data_processing")
    assert run.returncode == 0, run.stderr
    assert "rename one of: 'Wave' and 'wave'" in run.stderr.replace("\n", " ")

    tables = project / "out"
    catalog = yaml.safe_load((project / "conf/base/catalog.yml").read_text())
    split = SafeCSVDataset(
        filepath=str(tables / "03_primary/split.csv"), load_args=catalog["split"]["dataset"]["load_args"]
    ).load()
    used = split[split["side"] != "left_out"]
    assert set(used["class_name"]) == {*HARD_NAMES, COMPOSED}
    assert dict(zip(used["sequence_id"], used["side"], strict=True))[f"{COMPOSED}/{COMPOSED}"] == "train"
    with (tables / "03_primary/split.csv").open(newline="", encoding="utf-8") as file:
        assert not [cell for row in csv.reader(file) for cell in row if cell.startswith(tuple("=+-@"))]
    rejected = pd.read_csv(tables / "02_intermediate/rejected_frames.csv", dtype=str, keep_default_na=False)
    reasons = dict(zip(rejected["path"], rejected["reason"], strict=True))
    assert reasons.pop("line\\nbreak") == reasons.pop("wave/=notes\\t.txt") == "name holds a control character"
    assert set(reasons.values()) == {"another file has the same video and number"}
    sheets = sorted(path.name for path in (tables / "08_reporting/dataset/contact_sheets").iterdir())
    assert len(sheets) == len({unicodedata.normalize("NFC", name.casefold()) for name in sheets}) == len(HARD_NAMES) + 2
    assert all(len(name.encode()) <= 104 and not set(name) & set("?#%=\n") for name in sheets)
