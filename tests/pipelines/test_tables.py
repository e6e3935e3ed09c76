import math
from pathlib import Path

import pandas as pd
import pytest
import yaml

from hand_gestures.catalog_datasets import SafeCSVDataset
from hand_gestures.dataset.leak_audit import LEAK_COLUMNS
from hand_gestures.dataset.segment_lists import SPLIT_COLUMNS as SPLIT_LIST_COLUMNS
from hand_gestures.dataset.split_table import SPLIT_COLUMNS
from hand_gestures.embedding.hand_tables import hand_rates
from hand_gestures.evaluation.tables import confusion, per_class, per_group
from hand_gestures.video.class_folders import Rejected

FORMULAS = ["=1+1", "+a", "-b", "@sum", "'=1", "'", "''-x", "-5", "'+5"]
CATALOG = yaml.safe_load((Path(__file__).parents[2] / "conf/base/catalog.yml").read_text())


def assert_comes_back(entry, table, folder):
    """Saves and loads a table with the arguments of its catalog entry."""
    config = CATALOG[entry].get("dataset", CATALOG[entry])
    arguments = {name: config[name] for name in ("load_args", "save_args")}
    dataset = SafeCSVDataset(filepath=str(folder / "table.csv"), **arguments)
    dataset.save(table)
    pd.testing.assert_frame_equal(dataset.load(), table, check_dtype=False)


@pytest.mark.parametrize("name", ["7", "NA", "007", "1e5", "true", "predicted", "hand_found", "accuracy", *FORMULAS])
def test_tables_are_read_back_unchanged_with_any_name_of_a_class_or_group(name, tmp_path):
    rows = pd.DataFrame(
        {
            "sequence_id": ["a/1", "a/2", "b/1"],
            "group": [name, name, "8"],
            "class_name": [name, name, "b"],
            "predicted": [name, "b", "b"],
            "correct": [True, False, True],
            "confidence": [0.5, 0.75, 1.0],
            "most_likely": [f"{name} > b", f"b > {name}", f"b > {name}"],
        }
    ).assign(hand_found=pd.array([True, None, False], "boolean"))
    tables = {"val_predictions": rows, "per_class": per_class(rows, [name, "b", "c"]), "per_group": per_group(rows)}
    tables["confusion"] = confusion(rows)
    hands = rows.assign(split="val", frames_with_hand=[1.0, 0.5, math.nan], mean_score=[0.9, 0.8, math.nan])
    tables["hand_rates"] = hand_rates(hands)
    tables["class_summary"] = pd.DataFrame({"class_name": [name, "b"], "clips": [2, 1], "size": "320x240"})
    for entry, table in tables.items():
        assert_comes_back(entry, table, tmp_path)


def test_every_csv_of_the_catalog_is_safe_to_open_in_a_spreadsheet_program():
    entries = [entry.get("dataset", entry) for entry in CATALOG.values() if isinstance(entry, dict)]
    kinds = {entry["type"] for entry in entries if str(entry.get("filepath", "")).endswith(".csv")}
    assert kinds == {"hand_gestures.catalog_datasets.SafeCSVDataset"}


@pytest.mark.parametrize(
    "entry", ["rejected_frames", "rejected_videos", "data_check_rejects", "split_lists", "split", "leaks"]
)
def test_tables_of_names_come_back_from_disk(entry, tmp_path):
    names = ["7", "NA", "007", "1e5", "true", "", *FORMULAS]
    columns = {
        "split": SPLIT_COLUMNS,
        "split_lists": SPLIT_LIST_COLUMNS,
        "leaks": [column for column in LEAK_COLUMNS if column != "distance"],
    }.get(entry, list(Rejected._fields))
    table = pd.DataFrame(dict.fromkeys(columns, names))
    table = table.assign(distance=pd.array([None, *range(len(names) - 1)], "Int64")) if entry == "leaks" else table
    table = table.assign(sequence_id=[f"{name}/v" for name in names]) if "sequence_id" in table else table
    assert_comes_back(entry, table, tmp_path)
