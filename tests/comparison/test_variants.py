import pytest

from base_parameters import base_parameters
from hand_gestures.comparison.variants import Variant, make_variants
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.parameters import ComparisonParameters

WANTED = base_parameters(
    ComparisonParameters,
    networks=["linear_probe"],
    leave_out=["left", "vit"],
    views=[1],
    nearest_neighbour=True,
    random_split=True,
)


def names(channel_names=CHANNEL_NAMES, available_views=2, groups_known=True, **changes):
    variants = make_variants(
        "bilstm",
        WANTED.model_copy(update=changes),
        channel_names=channel_names,
        available_views=available_views,
        groups_known=groups_known,
    )
    return [variant.name for variant in variants]


def test_each_variant_is_listed_once_and_the_judged_network_first():
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
    assert names(networks=["bilstm"]).count("bilstm") == 1


def test_a_random_split_is_compared_with_the_grouped_split_on_the_same_views():
    assert names(views=[], leave_out=[], nearest_neighbour=False) == [
        "bilstm",
        "linear_probe",
        "bilstm on 1 view",
        "bilstm on 1 view, random split",
    ]


def test_without_known_groups_there_is_no_random_split():
    with_split, without_split = names(), names(groups_known=False)
    assert without_split == [name for name in with_split if not name.endswith("random split")] != with_split


def test_fewer_views_are_not_compared_when_there_is_only_one():
    assert names(available_views=1, leave_out=[], nearest_neighbour=False) == [
        "bilstm",
        "linear_probe",
        "bilstm, random split",
    ]


def test_inputs_whose_removal_changes_nothing_or_leaves_nothing_are_skipped(caplog):
    only_vit = [name for name in CHANNEL_NAMES if "_vit" in name]
    assert names(leave_out=["vit", "resnext", "left"], channel_names=only_vit, random_split=False) == [
        "bilstm",
        "linear_probe",
        "nearest_neighbour",
        "bilstm without left",
        "bilstm on 1 view",
    ]
    assert "skipping the comparison without vit: " in caplog.text


def test_the_random_split_uses_clean_views_of_both_files_in_its_own_sides(write_file):
    train_file, val_file = write_file("train.h5", 6, views=2), write_file("val.h5", 3, first=6)
    ids = [*train_file.sequence_ids[::2], *val_file.sequence_ids]
    sides = dict.fromkeys(ids, "train") | {ids[0]: "val", ids[8]: "val", ids[1]: "test"}
    train, val = Variant("bilstm", "left", 1, "random").embeddings(train_file, val_file, CHANNEL_NAMES, sides)
    assert val.sequence_ids == [ids[0], ids[8]]
    assert train.sequence_ids == ids[2:8]
    assert not train.views.any()
    assert not any(name.startswith("left") for name in (*train.header.channel_names, *val.header.channel_names))


@pytest.mark.parametrize("views", [None, 1])
def test_the_grouped_split_uses_the_files_unchanged(write_file, views):
    files = write_file("train.h5", 6, views=2), write_file("val.h5", 3, first=6)
    assert Variant("bilstm", views=views).embeddings(*files, CHANNEL_NAMES, {}) == files
