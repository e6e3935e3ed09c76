from collections import defaultdict

import cv2
import numpy as np
import pytest

from hand_gestures.parameters import SampleParameters
from hand_gestures.synthetic.gestures import GESTURES
from hand_gestures.synthetic.sample import render_sample
from hand_gestures.video.frame_names import parse_frame_name

HEIGHT, WIDTH = 64, 72


def rendered(performers, takes, processes, seed):
    sample = SampleParameters(
        performers=performers, takes=takes, height=HEIGHT, width=WIDTH, jpeg_quality=80, processes=processes
    )
    return list(render_sample(sample, seed))


@pytest.fixture(scope="module")
def two_performers():
    return rendered(performers=2, takes=1, processes=1, seed=1)


@pytest.fixture(scope="module")
def another_seed():
    return dict(rendered(performers=1, takes=2, processes=1, seed=2))


def test_the_frames_do_not_depend_on_the_number_of_processes(two_performers):
    assert rendered(performers=2, takes=1, processes=2, seed=1) == two_performers


def test_another_seed_draws_other_pictures(two_performers, another_seed):
    shared = dict(two_performers).keys() & another_seed.keys()
    assert len(shared) >= 12 * 24
    assert all(dict(two_performers)[path] != another_seed[path] for path in shared)


def test_every_performer_shows_all_twelve_classes(two_performers):
    shown = defaultdict(set)
    for path, _ in two_performers:
        class_name, file_name = path.split("/")
        shown[parse_frame_name(file_name).video_id].add(class_name)
    assert set(shown) == {"performer01-take1", "performer02-take1"}
    assert all(classes == set(GESTURES) for classes in shown.values())
    assert len(GESTURES) == 12


def test_every_clip_is_numbered_without_gaps_and_24_to_48_frames_long(two_performers, another_seed):
    numbers = defaultdict(list)
    for path in [path for path, _ in two_performers]:
        class_name, file_name = path.split("/")
        name = parse_frame_name(file_name)
        numbers[class_name, name.video_id].append(name.number)
    assert len(numbers) == 24
    for clip in numbers.values():
        assert clip == list(range(len(clip)))
        assert 24 <= len(clip) <= 48


def test_all_names_and_pictures_are_different(two_performers):
    assert len({path for path, _ in two_performers}) == len(two_performers)
    assert len({jpeg for _, jpeg in two_performers}) == len(two_performers)


def test_takes_are_different_clips(another_seed):
    takes = {path for path in another_seed if "take2" in path}
    assert {path.split("/")[0] for path in takes} == set(GESTURES)
    for path in takes:
        first = another_seed.get(path.replace("take2", "take1"))
        assert first != another_seed[path]


def test_pictures_are_jpegs_of_the_given_size(two_performers):
    for _, jpeg in two_performers[::50]:
        assert jpeg.startswith(b"\xff\xd8\xff")
        assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("performer", ["performer01", "performer02"])
def test_the_hand_has_a_skin_colour(two_performers, performer):
    jpeg = dict(two_performers)[f"hold_fist/{performer}-take1_frame_0000.jpg"]
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
    red, _, blue = picture[HEIGHT * 5 // 10 : HEIGHT * 6 // 10, WIDTH * 9 // 20 : WIDTH * 11 // 20].mean((0, 1))
    assert red > blue + 15


def test_the_hand_moves_in_the_direction_of_its_class(two_performers):
    clip = [jpeg for path, jpeg in two_performers if path.startswith("swipe_left/performer01")]
    frames = [cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE).astype(float) for jpeg in clip]
    changed = np.abs(frames[-1] - frames[0]) > 40
    room = np.median(frames, axis=0)
    first, last = (np.nonzero(changed & (np.abs(frame - room) > 40))[1] for frame in (frames[0], frames[-1]))
    assert first.mean() > last.mean() + WIDTH / 8
