import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from base_parameters import base_parameters
from hand_gestures.augmentation import ClipAugmentation
from hand_gestures.embedding.clip_views import VideoSequenceDataset, clip_loader, read_clip
from hand_gestures.parameters import AugmentationParameters
from hand_gestures.utils.errors import HandGesturesError

SIZE = 16


@pytest.fixture
def augmentation():
    return ClipAugmentation(base_parameters(AugmentationParameters, noise=1.0, light=1.0), SIZE)


@pytest.fixture
def sequences(write_frame):
    """Three clips of four time steps: three, four and two distinct frames."""
    rows = []
    for sequence_id, distinct in (("wave/a", 3), ("wave/b", 4), ("fist/a", 2)):
        paths = [f"{sequence_id}_frame_{n}.png" for n in range(distinct)]
        for path in paths:
            write_frame(path)
        frames = paths + paths[-1:] * (4 - distinct)
        rows.append({"sequence_id": sequence_id, "frames": frames, "content": f"content of {sequence_id}"})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("suffix", "size", "method"),
    [("jpg", 16, cv2.INTER_AREA), ("png", 16, cv2.INTER_AREA), ("png", 64, cv2.INTER_LINEAR)],
)
def test_the_clean_view_is_the_decoded_and_resized_frame(frames_dir, write_frame, suffix, size, method):
    paths = [f"wave/v_frame_{n}.{suffix}" for n in range(3)]
    expected = []
    for path in paths:
        decoded = cv2.cvtColor(cv2.imread(str(write_frame(path))), cv2.COLOR_BGR2RGB)
        expected.append(cv2.resize(decoded, (size, size), interpolation=method))
    table = pd.DataFrame({"sequence_id": ["wave/v"], "frames": [paths]})
    item = VideoSequenceDataset(table, frames_dir, size)[0]
    assert item.views.shape == (1, 3, size, size, 3)
    assert item.views.dtype == torch.uint8
    assert np.array_equal(item.views[0], np.stack(expected))
    assert item.mirrored.tolist() == [False]


def test_the_clean_view_comes_first_whatever_the_augmentation(frames_dir, sequences, augmentation):
    plain = VideoSequenceDataset(sequences, frames_dir, SIZE)
    augmented = VideoSequenceDataset(sequences, frames_dir, SIZE, augmentation, augmented_views=2, seed=1)
    assert len(plain) == len(augmented) == 3
    for row in range(3):
        item = augmented[row]
        assert item.row == row
        assert torch.equal(item.views[0], plain[row].views[0])
        assert item.mirrored.tolist() == [False, True, True]
        assert not torch.equal(item.views[1], item.views[2])


def test_without_augmentation_only_the_clean_view_is_made(frames_dir, sequences):
    assert len(VideoSequenceDataset(sequences, frames_dir, SIZE, None, augmented_views=3)[0].views) == 1


def test_a_short_clip_holds_each_frame_once_and_the_times_of_each(frames_dir, sequences):
    dataset = VideoSequenceDataset(sequences, frames_dir, SIZE)
    assert [dataset[row].times.tolist() for row in range(3)] == [[0, 1, 2, 2], [0, 1, 2, 3], [0, 1, 1, 1]]
    assert [dataset[row].views.shape[1] for row in range(3)] == [3, 4, 2]


def test_frames_of_another_size_are_resized_to_the_first(frames_dir, write_frame):
    paths = ["wave/v_frame_0.png", "wave/v_frame_1.png", "wave/v_frame_2.png"]
    for path, (height, width) in zip(paths, [(24, 32), (48, 64), (10, 7)], strict=True):
        write_frame(path, height, width)
    raw, times, aspect = read_clip(frames_dir, paths, 640)
    assert raw.shape == (3, 24, 32, 3)
    assert times.tolist() == [0, 1, 2]
    assert aspect == 32 / 24
    squeezed, _, aspect = read_clip(frames_dir, paths, 16)
    assert (squeezed.shape, aspect) == ((3, 16, 16, 3), 32 / 24)
    bigger = cv2.imread(str(frames_dir / paths[1]))[..., ::-1]
    assert np.array_equal(raw[1], cv2.resize(bigger, (32, 24)))
    table = pd.DataFrame({"sequence_id": ["wave/v"], "frames": [paths]})
    assert VideoSequenceDataset(table, frames_dir, SIZE)[0].views.shape == (1, 3, SIZE, SIZE, 3)


def test_a_view_depends_on_its_content_not_on_its_row_or_name(frames_dir, sequences, augmentation):
    settings = {"augmentation": augmentation, "augmented_views": 2, "seed": 1}
    whole = VideoSequenceDataset(sequences, frames_dir, SIZE, **settings)
    renamed = sequences.iloc[[2, 1]].assign(sequence_id=["wave/b", "palm/x"])
    part = VideoSequenceDataset(renamed, frames_dir, SIZE, **settings)
    assert torch.equal(part[0].views, whole[2].views)
    assert torch.equal(part[1].views, whole[1].views)


def test_another_seed_changes_the_augmented_views_only(frames_dir, sequences, augmentation):
    one, other = (
        VideoSequenceDataset(sequences, frames_dir, SIZE, augmentation, augmented_views=1, seed=seed)[0]
        for seed in (1, 2)
    )
    assert torch.equal(one.views[0], other.views[0])
    assert not torch.equal(one.views[1], other.views[1])


def test_worker_processes_load_the_same_views_in_the_same_order(frames_dir, sequences, augmentation):
    dataset = VideoSequenceDataset(sequences, frames_dir, SIZE, augmentation, augmented_views=2, seed=3)
    in_this_process, by_workers = (
        list(clip_loader(dataset, range(len(dataset)), 0)),
        list(clip_loader(dataset, range(len(dataset)), 2)),
    )
    assert [item.row for item in by_workers] == [item.row for item in in_this_process] == [0, 1, 2]
    for one, other in zip(in_this_process, by_workers, strict=True):
        assert torch.equal(one.views, other.views)
        assert torch.equal(one.times, other.times)
        assert torch.equal(one.mirrored, other.mirrored)
        assert one.aspect == other.aspect


@pytest.mark.parametrize("workers", [0, 1])
def test_the_error_of_a_missing_frame_is_one_sentence_that_names_it(frames_dir, sequences, workers):
    (frames_dir / "wave/b_frame_2.png").unlink()
    clips = clip_loader(VideoSequenceDataset(sequences, frames_dir, SIZE), range(len(sequences)), workers)
    assert next(clips).row == 0
    with pytest.raises(HandGesturesError, match=r"wave/b_frame_2\.png") as caught:
        next(clips)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("height", "width"), [(24, 32), (90, 120)])
def test_views_made_on_a_device_equal_those_of_albumentations(frames_dir, write_frame, height, width):
    """Smaller frames are augmented before they are resized, larger ones after; the clean view is the same."""
    paths = [f"wave/v_frame_{number}.png" for number in range(2)]
    for path in paths:
        write_frame(path, height, width)
    table = pd.DataFrame({"sequence_id": ["wave/v"], "content": ["a"], "frames": [[*paths, paths[-1]]]})
    quiet = {"noise": 0.0, "light": 0.0, "distortion": 0.0}  # what remains differs by rounding only
    made = {}
    for engine in ("albumentations", "torch"):
        augmentation = ClipAugmentation(base_parameters(AugmentationParameters, engine=engine, **quiet), SIZE)
        clip = VideoSequenceDataset(table, frames_dir, SIZE, augmentation, augmented_views=3, seed=1)[0]
        made[engine] = clip if engine == "albumentations" else clip.on_device(torch.device("cpu"))
    one, other = made.values()
    assert other.views.shape == (4, 2, SIZE, SIZE, 3)
    assert torch.equal(one.views[0], other.views[0])
    assert torch.equal(one.times, other.times)
    assert torch.equal(one.mirrored, other.mirrored)
    assert one.aspect == other.aspect == width / height
    assert (one.views.int() - other.views.int()).abs().max() <= 2
