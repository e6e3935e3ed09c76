import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from embedding.conftest import Intruder, local_files, random_frames
from hand_gestures.augmentation import resize_clip
from hand_gestures.embedding.hands import HandDetector, load_detector
from hand_gestures.embedding.model_files import ModelUnavailableError
from hand_gestures.synthetic.compact_yolo import overlap
from hand_gestures.synthetic.hand import Pose
from hand_gestures.synthetic.scene import draw_frame, make_performer

HEIGHT, WIDTH = 64, 128


@pytest.fixture(scope="module")
def frames():
    """RGB frames (3, H, W, 3) that the network sees pixel for pixel at image size `WIDTH`."""
    return random_frames(seed=1, count=3, height=HEIGHT, width=WIDTH).permute(0, 2, 3, 1).numpy()


@pytest.fixture
def detect(yolo_file):
    def run(frames, **options):
        settings = {"image_size": WIDTH, "confidence": 0.01, "max_hands": 5, "device": "cpu", **options}
        return HandDetector(local_files(yolo_file), **settings)(frames)

    return run


def surest(network, frames):
    """The surest box of each frame, in fractions, and its score, straight from the network."""
    pixels = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        found = network(pixels)[0]
    scores, anchors = found[:, 4:].amax(dim=1).max(dim=1)
    x, y, width, height = found[torch.arange(len(found)), :4, anchors].unbind(dim=1)
    corners = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], dim=1)
    return (corners / torch.tensor([WIDTH, HEIGHT, WIDTH, HEIGHT])).clamp(0, 1).numpy(), scores.numpy()


def test_each_frame_gets_boxes_in_fractions_of_the_frame(detect):
    frames = random_frames(seed=2, count=4, height=90, width=160).permute(0, 2, 3, 1).numpy()
    found = detect(frames)
    assert len(found) == 4
    for boxes, scores in found:
        assert boxes.shape == (5, 4)
        assert scores.shape == (5,)
        assert boxes.dtype == scores.dtype == np.float32
        assert (boxes >= 0).all()
        assert (boxes <= 1).all()
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        assert ((scores >= 0.01) & (scores <= 1)).all()


def test_the_surest_box_is_where_the_network_sees_it_in_an_rgb_frame(detect, yolo_network, frames):
    boxes, scores = surest(yolo_network, frames)
    _, swapped_scores = surest(yolo_network, frames[..., ::-1])
    assert np.abs(scores - swapped_scores).max() > 0.05  # the order of the colours matters to this network
    for hands, box, score in zip(detect(frames), boxes, scores, strict=True):
        np.testing.assert_allclose(hands.scores[0], score, atol=1e-3)
        np.testing.assert_allclose(hands.boxes[0], box, atol=1e-2)
    for hands, score in zip(detect(frames[..., ::-1]), swapped_scores, strict=True):
        np.testing.assert_allclose(hands.scores[0], score, atol=1e-3)


def test_the_surest_hands_come_first(detect, frames):
    for hands in detect(frames, max_hands=20):
        assert (np.diff(hands.scores) <= 0).all()
        assert hands.scores[0] > hands.scores[-1]


@pytest.mark.parametrize("max_hands", [1, 3])
def test_no_frame_has_more_hands_than_allowed(detect, frames, max_hands):
    many, few = detect(frames, max_hands=20), detect(frames, max_hands=max_hands)
    for all_hands, hands in zip(many, few, strict=True):
        assert len(all_hands.boxes) > max_hands
        assert len(hands.boxes) == len(hands.scores) == max_hands
        np.testing.assert_allclose(hands.scores, all_hands.scores[:max_hands])


def test_hands_below_the_confidence_are_dropped(detect, frames):
    scores = np.concatenate([hands.scores for hands in detect(frames, max_hands=20)])
    limit = float(np.median(scores))
    sure = [hands.scores for hands in detect(frames, max_hands=20, confidence=limit)]
    assert all((frame >= limit).all() for frame in sure)
    assert 0 < sum(map(len, sure)) < len(scores)


def test_a_frame_without_hands_gives_empty_arrays(detect, frames):
    for boxes, scores in detect(frames, confidence=0.999):
        assert boxes.shape == (0, 4)
        assert scores.shape == (0,)


def test_boxes_of_different_classes_on_one_hand_count_once(detect):
    frames = random_frames(seed=3, count=1, height=256, width=256).permute(0, 2, 3, 1).numpy()
    [hands] = detect(frames, image_size=256, max_hands=100)
    whole = [box for box in hands.boxes if box.min() > 0 and box.max() < 1]  # not cut at the frame's edge
    overlaps = [overlap(one, other) for i, one in enumerate(whole) for other in whole[:i]]
    assert 0.5 < max(overlaps) <= 0.71


def test_a_frame_gives_the_same_hands_alone_and_among_others(detect, frames):
    alone = [detect(frame[None])[0] for frame in frames]
    for one, among in zip(alone, detect(frames), strict=True):
        np.testing.assert_allclose(one.boxes, among.boxes, atol=1e-3)
        np.testing.assert_allclose(one.scores, among.scores, atol=1e-4)


def complaint(file):
    with pytest.raises(ModelUnavailableError) as caught:
        load_detector(local_files(file))
    message = str(caught.value)
    assert str(file) in message
    assert "set hands.enabled to false" in message
    return message


@pytest.mark.parametrize("content", [b"", b"<html>404: not found</html>"])
def test_text_is_refused_as_detector(tmp_path, content):
    file = tmp_path / "best.pt"
    file.write_bytes(content)
    complaint(file)


def test_cut_off_weights_are_refused_as_detector(tmp_path, yolo_file):
    file = tmp_path / "best.pt"
    file.write_bytes(yolo_file.read_bytes()[:100_000])
    complaint(file)


def test_a_checkpoint_without_a_network_is_refused_as_detector(tmp_path):
    file = tmp_path / "best.pt"
    torch.save({"MODEL_STATE": {"conv1.weight": torch.zeros(2)}}, file)
    complaint(file)


def test_code_in_a_detector_is_not_executed(tmp_path, yolo_network):
    file, mark = tmp_path / "best.pt", tmp_path / "intruder"
    torch.save({"model": yolo_network, "ema": None, "train_args": {}, "notes": Intruder(mark)}, file)
    complaint(file)
    assert not mark.exists()
    torch.load(file, weights_only=False)
    assert mark.exists()  # the file does what it should not, where code is allowed


def test_ultralytics_is_set_up_before_its_first_import(tmp_path, yolo_network):
    file, mark = tmp_path / "best.pt", tmp_path / "intruder"
    torch.save({"model": Intruder(mark), "ema": None, "train_args": {}}, file)
    script = (
        "import os, sys\n"
        "from hand_gestures.embedding.hands import load_detector\n"
        "from hand_gestures.embedding.model_files import ModelFiles, ModelUnavailableError\n"
        "assert 'ultralytics' not in sys.modules\n"
        "try:\n"
        f"    load_detector(ModelFiles('best', None, None, {str(tmp_path)!r}, 'best.pt', ''))\n"
        "except ModelUnavailableError:\n"
        "    from ultralytics.utils import AUTOINSTALL, SAFE_LOAD\n"
        "    print('refused', SAFE_LOAD, AUTOINSTALL, os.environ.get('YOLO_OFFLINE'))\n"
    )
    unset = {"ULTRALYTICS_SAFE_LOAD", "YOLO_OFFLINE", "YOLO_AUTOINSTALL"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert run.stdout.splitlines()[-1] == "refused True False true", run.stderr
    assert not mark.exists()


def test_an_ultralytics_that_would_run_code_is_refused(monkeypatch, yolo_file):
    monkeypatch.setattr("ultralytics.utils.SAFE_LOAD", False)
    with pytest.raises(ModelUnavailableError, match="ULTRALYTICS_SAFE_LOAD=1"):
        load_detector(local_files(yolo_file))


def test_the_compact_detector_finds_drawn_hands():
    """On performers of another seed than it learned from: nearly always, and where the hand was drawn."""
    folder = Path(__file__).parents[2] / "data/06_models/compact_backbones"
    detector = HandDetector(local_files(folder, "yolo.pt"), image_size=160, confidence=0.25, max_hands=2, device="cpu")
    overlaps = []
    for number in range(12):
        rng = np.random.default_rng([99, number])
        performer = make_performer(rng, 240, 320)
        pose = Pose(x=rng.uniform(0.3, 0.7), y=rng.uniform(0.4, 0.6), size=0.2, openness=rng.uniform(0, 1))
        frame, box = draw_frame(performer, pose, 240, 320, rng)
        found = detector(resize_clip(frame[None], 160))[0]
        overlaps.append(max((overlap(one, np.array(box) / (320, 240, 320, 240)) for one in found.boxes), default=0.0))
    assert np.mean(np.array(overlaps) > 0.5) > 0.8
