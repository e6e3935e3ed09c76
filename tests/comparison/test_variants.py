import pytest

from hand_gestures.comparison.variants import Variant, make_variants
from hand_gestures.embedding.channels import CHANNEL_NAMES

ASKED = {
    "without": ["left", "vit"],
    "views": [1],
    "pixels": True,
    "random_split": True,
    "channel_names": CHANNEL_NAMES,
    "views_there": 2,
}


def names(**changes):
    return [variant.name for variant in make_variants("bilstm", ["linear_probe"], **ASKED | changes)]


def test_each_variant_stands_once_and_the_judged_network_first():
    assert names() == [
        "bilstm",
        "linear_probe",
        "nearest_neighbour",
        "bilstm without left",
        "bilstm without vit",
        "bilstm on 1 view",
        "bilstm on 1 view, random split",
        "nearest_neighbour, random split",
    ]
    assert [variant.name for variant in make_variants("bilstm", ["bilstm"], **ASKED)].count("bilstm") == 1


def test_a_random_split_stands_beside_the_same_views_grouped():
    assert names(views=[], without=[], pixels=False) == [
        "bilstm",
        "linear_probe",
        "bilstm on 1 view",
        "bilstm on 1 view, random split",
    ]


def test_where_there_is_one_view_none_can_be_left_out():
    assert names(views_there=1, without=[], pixels=False) == ["bilstm", "linear_probe", "bilstm, random split"]


def test_inputs_that_are_left_out_already_or_are_all_there_is_are_passed_over(caplog):
    only_vit = [name for name in CHANNEL_NAMES if "_vit" in name]
    assert names(without=["vit", "resnext", "left"], channel_names=only_vit, random_split=False) == [
        "bilstm",
        "linear_probe",
        "nearest_neighbour",
        "bilstm without left",
        "bilstm on 1 view",
    ]
    assert "a comparison without vit is passed over" in caplog.text


def test_the_random_split_takes_clean_views_of_both_files_by_its_own_sides(write_file):
    train_file, val_file = write_file("train.h5", 6, views=2), write_file("val.h5", 3, first=6)
    ids = [*train_file.sequence_ids[::2], *val_file.sequence_ids]
    sides = dict.fromkeys(ids, "train") | {ids[0]: "val", ids[8]: "val", ids[1]: "test"}
    train, val = Variant("bilstm", "left", 1, "random").embeddings(train_file, val_file, CHANNEL_NAMES, sides)
    assert val.sequence_ids == [ids[0], ids[8]]
    assert train.sequence_ids == ids[2:8]
    assert not train.views.any()
    assert not any(name.startswith("left") for name in (*train.header.channel_names, *val.header.channel_names))


@pytest.mark.parametrize("views", [None, 1])
def test_the_grouped_split_takes_the_files_as_they_are(write_file, views):
    files = write_file("train.h5", 6, views=2), write_file("val.h5", 3, first=6)
    assert Variant("bilstm", views=views).embeddings(*files, CHANNEL_NAMES, {}) == files
