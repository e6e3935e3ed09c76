import copy
import hashlib
import importlib
import json
import os
import pickletools
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image, UnidentifiedImageError

from hand_gestures.augmentation import resize_clip
from hand_gestures.backbones.hand_detector import HandDetector, load_detector
from hand_gestures.backbones.model_files import ModelUnavailableError
from hand_gestures.synthetic.hand import Pose
from hand_gestures.synthetic.scene import draw_frame, make_performer
from small_backbones import Intruder, local_files, overlap, random_frames

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


def best_box(network, frames):
    """The best box of each frame, in fractions, and its score, straight from the network."""
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


def test_the_best_box_is_that_of_the_network_for_an_rgb_frame(detect, yolo_network, frames):
    boxes, scores = best_box(yolo_network, frames)
    _, swapped_scores = best_box(yolo_network, frames[..., ::-1])
    assert np.abs(scores - swapped_scores).max() > 0.05  # the order of the colours matters to this network
    for hands, box, score in zip(detect(frames), boxes, scores, strict=True):
        np.testing.assert_allclose(hands.scores[0], score, atol=1e-3)
        np.testing.assert_allclose(hands.boxes[0], box, atol=1e-2)
    for hands, score in zip(detect(frames[..., ::-1]), swapped_scores, strict=True):
        np.testing.assert_allclose(hands.scores[0], score, atol=1e-3)


def test_hands_are_sorted_by_score(detect, frames):
    for hands in detect(frames, max_hands=20):
        assert (np.diff(hands.scores) <= 0).all()
        assert hands.scores[0] > hands.scores[-1]


@pytest.mark.parametrize("max_hands", [1, 3])
def test_no_frame_has_more_than_max_hands(detect, frames, max_hands):
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


def test_boxes_of_different_classes_on_one_hand_are_one_box(detect):
    frames = random_frames(seed=3, count=1, height=256, width=256).permute(0, 2, 3, 1).numpy()
    [hands] = detect(frames, image_size=256, max_hands=100)
    whole = [box for box in hands.boxes if box.min() > 0 and box.max() < 1]  # not cut at the frame's edge
    overlaps = [overlap(one, other) for i, one in enumerate(whole) for other in whole[:i]]
    assert 0.5 < max(overlaps) <= 0.71


def test_the_hands_of_a_frame_do_not_depend_on_the_other_frames(detect, frames):
    alone = [detect(frame[None])[0] for frame in frames]
    for one, among in zip(alone, detect(frames), strict=True):
        np.testing.assert_allclose(one.boxes, among.boxes, atol=1e-3)
        np.testing.assert_allclose(one.scores, among.scores, atol=1e-4)


# as a detector of early 2023 names them: module of that time → today's, and the classes in it
NAMES_OF_2023 = {
    "ultralytics.nn.modules": ("ultralytics.nn.modules", "Conv C2f Bottleneck SPPF Concat Detect DFL"),
    "ultralytics.yolo.utils": ("ultralytics.utils", "IterableSimpleNamespace"),
    "ultralytics.yolo.utils.loss": ("ultralytics.utils.loss", "v8DetectionLoss BboxLoss"),
    "ultralytics.yolo.utils.tal": ("ultralytics.utils.tal", "TaskAlignedAssigner"),
}
DETECT = """
import json, sys
import numpy as np
from hand_gestures.backbones.hand_detector import HandDetector
from hand_gestures.backbones.model_files import ModelFiles, ModelUnavailableError
try:
    detector = HandDetector(
        ModelFiles(**json.loads(sys.argv[1])), image_size=128, confidence=0.01, max_hands=5, device="cpu"
    )
except ModelUnavailableError as error:
    print("refused:", error)
else:
    hands = detector(np.load(sys.argv[2]))
    from ultralytics.utils import SAFE_LOAD
    print(json.dumps([SAFE_LOAD, [[*found.boxes.tolist(), *found.scores.tolist()] for found in hands]]))
"""


@contextmanager
def names_of_2023():
    """In this block, classes are pickled under their names of early 2023."""
    with pytest.MonkeyPatch.context() as patch:
        for old, (new, names) in NAMES_OF_2023.items():
            module = sys.modules.get(old) or ModuleType(old)
            patch.setitem(sys.modules, old, module)
            for name in names.split():
                moved = getattr(importlib.import_module(new), name)
                patch.setattr(moved, "__module__", old)
                patch.setattr(module, name, moved, raising=False)
        yield


@pytest.fixture
def checkpoint(yolo_network):
    """A checkpoint as training saved it in early 2023, without attributes of later versions."""
    from ultralytics.utils import IterableSimpleNamespace
    from ultralytics.utils.loss import v8DetectionLoss

    network = copy.deepcopy(yolo_network)
    for module in network.modules():
        if type(module).__name__ == "SPPF":
            del module.n, module.add
    network.args = IterableSimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    network.criterion = v8DetectionLoss(network)
    del network.criterion.bbox_loss.dfl_loss
    return {
        "epoch": -1,
        "best_fitness": np.float64(0.73),
        "model": network.half(),
        "ema": None,
        "updates": None,
        "optimizer": None,
        "train_args": {"task": "detect", "imgsz": 128, "data": Path("hands.yaml"), "lr0": np.float32(0.01)},
        "date": "2023-04-02T13:14:15.161718",
        "version": "8.0.63",
    }


@pytest.fixture
def old_file(tmp_path, checkpoint):
    file = tmp_path / "old" / "best.pt"
    file.parent.mkdir()
    with names_of_2023():
        torch.save(checkpoint, file)
    return file


def detect_alone(files, frames, tmp_path):
    """The hands that a new process finds with these weights, or why it refuses them."""
    np.save(tmp_path / "frames.npy", frames)
    unset = {"ULTRALYTICS_SAFE_LOAD", "YOLO_OFFLINE", "YOLO_AUTOINSTALL"}
    run = subprocess.run(
        [sys.executable, "-c", DETECT, json.dumps(asdict(files)), str(tmp_path / "frames.npy")],
        env={name: value for name, value in os.environ.items() if name not in unset},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    answer = run.stdout.splitlines()[-1]
    return answer if answer.startswith("refused:") else json.loads(answer)


def names_in(file):
    """The functions and classes that the pickle in a file of torch names."""
    with zipfile.ZipFile(file) as parts:
        [pickled] = [parts.read(name) for name in parts.namelist() if name.endswith("/data.pkl")]
    return {name.replace(" ", ".") for code, name, _ in pickletools.genops(pickled) if code.name == "GLOBAL"}


def test_a_detector_of_2023_loads_without_running_code_and_finds_the_same(old_file, checkpoint, frames, tmp_path):
    known = {f"{old}.{name}" for old, (_, names) in NAMES_OF_2023.items() for name in names.split()}
    named = names_in(old_file)
    assert {"numpy.dtype", "pathlib.PosixPath"} <= named
    assert {name for name in named if "ultralytics" in name} == known | {"ultralytics.nn.tasks.DetectionModel"}

    checkpoint["model"].args, checkpoint["model"].criterion = {}, None
    new_file = tmp_path / "best.pt"
    torch.save(checkpoint, new_file)
    safe, hands = detect_alone(local_files(old_file), frames, tmp_path)
    assert safe
    assert [len(found) for found in hands] == [10, 10, 10]
    assert hands == detect_alone(local_files(new_file), frames, tmp_path)[1]


def test_code_in_a_detector_of_2023_does_not_run_and_the_error_says_how_to_trust_it(checkpoint, frames, tmp_path):
    file, mark = tmp_path / "best.pt", tmp_path / "intruder"
    with names_of_2023():
        torch.save({**checkpoint, "notes": Intruder(mark)}, file)
    refusal = detect_alone(local_files(file), frames, tmp_path)
    assert not mark.exists()
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    for part in ("names posix.mkdir)", str(file), "hands.run_pickled_code to true and hands.sha256 to " + sha256):
        assert part in refusal


def test_code_runs_only_from_the_trusted_file(checkpoint, frames, tmp_path):
    file, mark = tmp_path / "best.pt", tmp_path / "intruder"
    torch.save({**checkpoint, "notes": Intruder(mark)}, file)
    files = local_files(file)
    other = replace(files, trusted_sha256="0" * 64)
    refusal = detect_alone(other, frames, tmp_path)
    assert not mark.exists()
    for part in ("the pinned sha256 " + "0" * 64, f"{file} has {files.sha256}", "give that file"):
        assert part in refusal
    safe, hands = detect_alone(replace(files, trusted_sha256=files.sha256), frames, tmp_path)
    assert mark.exists()
    assert not safe
    assert len(hands) == len(frames)


def test_a_file_changed_after_it_was_found_is_no_longer_trusted(checkpoint, tmp_path):
    file, mark = tmp_path / "best.pt", tmp_path / "intruder"
    torch.save(checkpoint, file)
    files = local_files(file)
    torch.save({**checkpoint, "notes": Intruder(mark)}, file)
    with pytest.raises(ModelUnavailableError, match=f"the pinned sha256 {files.sha256}"):
        load_detector(replace(files, trusted_sha256=files.sha256))
    assert not mark.exists()


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
    assert "run_pickled_code" not in complaint(file)


def test_cut_off_weights_are_refused_as_detector(tmp_path, yolo_file):
    file = tmp_path / "best.pt"
    file.write_bytes(yolo_file.read_bytes()[:100_000])
    assert "run_pickled_code" not in complaint(file)


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
        "from hand_gestures.backbones.hand_detector import load_detector\n"
        "from hand_gestures.backbones.model_files import ModelFiles, ModelUnavailableError\n"
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


def test_ultralytics_that_would_run_code_is_an_error(monkeypatch, yolo_file):
    monkeypatch.setattr("ultralytics.utils.SAFE_LOAD", False)
    with pytest.raises(ModelUnavailableError, match="ULTRALYTICS_SAFE_LOAD=1"):
        load_detector(local_files(yolo_file))


def test_ultralytics_that_would_not_run_allowed_code_is_an_error(yolo_file):
    files = local_files(yolo_file)
    with pytest.raises(ModelUnavailableError, match="ULTRALYTICS_SAFE_LOAD=0"):
        load_detector(replace(files, trusted_sha256=files.sha256))


def test_the_compact_detector_finds_drawn_hands():
    """For performers of another seed than in training, nearly every hand is found where it was drawn."""
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


def test_loading_a_detector_does_not_change_the_error_of_a_damaged_image(yolo_file, tmp_path):
    load_detector(local_files(yolo_file))
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(UnidentifiedImageError):
        Image.open(tmp_path / "a.jpg")


@pytest.mark.parametrize("suffix", [".onnx", ".engine", ".torchscript", ".yaml", ".PT", ""])
def test_only_a_pt_file_is_loaded_whatever_it_holds(yolo_file, tmp_path, suffix):
    file = tmp_path / f"hands{suffix}"
    file.write_bytes(yolo_file.read_bytes())
    with pytest.raises(ModelUnavailableError) as caught:
        load_detector(local_files(file))
    for part in ("must be a .pt file of ultralytics", str(file), "give the .pt file", "hands.enabled"):
        assert part in str(caught.value)
