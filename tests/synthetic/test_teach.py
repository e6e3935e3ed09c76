from hand_gestures.synthetic.teach import teach

from hand_gestures.backbones.fetch import fetch_models, model_files
from hand_gestures.backbones.hand_detector import load_detector
from hand_gestures.parameters import AugmentationParameters


def test_what_is_taught_loads_by_the_real_loaders(tmp_path):
    """A lesson of seconds: nothing is learned, but every file is written as the loaders read it."""
    report = teach(
        tmp_path,
        size=64,
        augmentation=AugmentationParameters(blur_limit=3).transform(),
        performers=8,
        frames_each=8,
        held_out_performers=2,
        vit_epochs=1,
        resnext_epochs=1,
        yolo_epochs=1,
        seed=3,
        processes=2,
    )
    assert set(report) == {"resnext", "vit", "yolo"}
    assert 0 <= report["vit"]["presence_accuracy"] <= 1
    source = {"name": "", "revision": ""}
    found = fetch_models(
        vit=source | {"path": str(tmp_path / "vit")},
        resnext=source | {"path": str(tmp_path / "resnext")},
        hands=source | {"path": str(tmp_path / "yolo.pt"), "weights": "yolo.pt"},
    )
    assert load_detector(model_files(found["hands"])).names == {0: "hand"}
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 12_000_000
