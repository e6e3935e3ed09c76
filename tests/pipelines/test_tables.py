import math
from pathlib import Path

import pandas as pd
import pytest
import yaml

from hand_gestures.embedding.hand_tables import hand_rates
from hand_gestures.evaluation.tables import confusion, per_class, per_group

CATALOG = yaml.safe_load((Path(__file__).parents[2] / "conf/base/catalog.yml").read_text())


@pytest.mark.parametrize("name", ["7", "NA", "007", "1e5", "true", "predicted", "hand_found", "accuracy"])
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
        table.to_csv(tmp_path / "table.csv", index=False)
        again = pd.read_csv(tmp_path / "table.csv", **CATALOG[entry]["dataset"]["load_args"])
        pd.testing.assert_frame_equal(again, table, check_dtype=False)
