import pickle

import numpy as np
import pytest

from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.store.selection import remaining_channels, select_channels, select_clean_views
from hand_gestures.utils.errors import HandGesturesError
from small_embeddings import FRAMES, WIDTH


@pytest.fixture
def files(write_file):
    return write_file("one.h5", 6, views=2), write_file("two.h5", 4, first=100)


def read(embeddings):
    _, frames, channels, width = embeddings.header.shape
    reader = embeddings.reader()
    clips = np.empty((len(embeddings), frames, channels, width), np.float32)
    for row, clip in enumerate(clips):
        reader(row, clip)
    return clips


def test_clean_views_of_several_files_are_read_as_one(files):
    chosen = {files[0].sequence_ids[4], files[1].sequence_ids[0], files[1].sequence_ids[3]}
    selection = select_clean_views(files, chosen)
    assert len(selection) == 3
    assert selection.sequence_ids == [files[0].sequence_ids[4], files[1].sequence_ids[0], files[1].sequence_ids[3]]
    assert not selection.views.any()
    expected = np.stack([read(files[0])[4], read(files[1])[0], read(files[1])[3]])
    np.testing.assert_array_equal(read(selection), expected)
    assert selection.labels.tolist() == [files[0].labels[4], files[1].labels[0], files[1].labels[3]]
    np.testing.assert_array_equal(selection.hands[1][1:], files[1].hands[1][[0, 3]])
    assert selection.location(2) == f"row 3 of {files[1].path}"


def test_selected_channels_are_read_in_the_order_of_the_file(files):
    selection = select_channels(files[0], ["full_vit", "right_vit"])
    assert selection.header.channel_names == ("right_vit", "full_vit")
    assert selection.header.shape == (12, FRAMES, 2, WIDTH)
    channels = [CHANNEL_NAMES.index(name) for name in ("right_vit", "full_vit")]
    np.testing.assert_array_equal(read(selection), read(files[0])[:, :, channels])


def test_a_selection_can_be_narrowed_and_pickled(files):
    selection = select_channels(select_clean_views(files, set(files[1].sequence_ids)), ["left_vit"])
    copied = pickle.loads(pickle.dumps(selection))
    np.testing.assert_array_equal(read(copied), read(files[1])[:, :, :1])


def test_all_channels_of_a_file_are_the_file_itself(files):
    assert select_channels(files[0], CHANNEL_NAMES) is files[0]


def test_two_selections_differ_in_identity_and_not_in_contract(files):
    one, other = (select_clean_views(files, set(files[0].sequence_ids[:count])) for count in (2, 3))
    assert one.header.identity() != other.header.identity()
    assert one.header.contract == other.header.contract


def test_the_error_of_an_unknown_channel_names_it(files):
    with pytest.raises(HandGesturesError, match="'thermal' is none of left_vit"):
        select_channels(files[0], ["thermal"])


@pytest.mark.parametrize(
    ("leave_out", "left"),
    [([], 12), (["left"], 8), (["vit"], 9), (["resnext"], 3), (["left", "right"], 4), (["full_resnext_2"], 11)],
)
def test_channels_are_left_out_by_region_backbone_or_name(leave_out, left):
    remaining = remaining_channels(CHANNEL_NAMES, leave_out)
    assert len(remaining) == left
    assert not any(name in channel for channel in remaining for name in leave_out)


@pytest.mark.parametrize(
    ("leave_out", "message"), [(["middle"], "'middle' is none"), (["vit", "resnext"], "leaves none")]
)
def test_leaving_out_an_unknown_channel_or_all_channels_is_an_error(leave_out, message):
    with pytest.raises(HandGesturesError, match=message):
        remaining_channels(CHANNEL_NAMES, leave_out)
