import numpy as np
import pytest
import torch

from hand_gestures.classifier import load_bundle
from hand_gestures.embedding.store import EmbeddingFile
from hand_gestures.embedding.write_embeddings import write_embeddings
from hand_gestures.errors import HandGesturesError
from hand_gestures.training.evaluate import confusion, evaluate_classifier, summarise
from hand_gestures.training.train import train_classifier
from small_embeddings import embedded_sequence, embedding_stream

SETTINGS = {
    "hidden": 8,
    "layers": 1,
    "dropout": 0.0,
    "standardise": True,
    "epochs": 6,
    "batch_size": 8,
    "learning_rate": 0.02,
    "weight_decay": 1e-4,
    "gradient_clip": 1.0,
    "precision": "float32",
    "device": "cpu",
    "preload": "auto",
    "preload_share": 0.25,
    "preload_precision": "float32",
    "views": None,
    "view_sampling": "all",
    "workers": 0,
    "seed": 5,
    "on_epoch": lambda metrics: None,
}


@pytest.fixture
def files(write_file):
    return write_file("train.h5", 36), write_file("val.h5", 13, first=100)


def train(files, folder, **changes):
    return train_classifier(*files, checkpoint=folder / "best", **(SETTINGS | changes))


def accuracy(bundle, file):
    result = evaluate_classifier(bundle, file, SETTINGS["batch_size"], torch.device("cpu"))
    return float(result.predictions["correct"].mean())


def test_it_learns_the_direction_of_motion(files, tmp_path):
    trained = train(files, tmp_path, epochs=25, hidden=16)
    assert accuracy(trained.best, files[1]) == 1.0
    assert trained.history["train_loss"].iloc[-1] < trained.history["train_loss"].iloc[0] / 2


def test_it_overfits_three_batches_of_noise(tmp_path):
    clips = [embedded_sequence(0, n, noise=1.0)._replace(labels=np.array([n % 3])) for n in range(24)]
    write_embeddings(tmp_path / "noise.h5", embedding_stream(clips))
    noise = EmbeddingFile(tmp_path / "noise.h5")
    trained = train((noise, noise), tmp_path, epochs=80, hidden=32, learning_rate=0.03)
    assert trained.history["train_accuracy"].max() == 1.0


def test_the_best_epoch_is_kept_and_gives_its_accuracy_again(write_file, tmp_path):
    hard = write_file("train.h5", 6), write_file("val.h5", 13, first=100)
    # so high a rate that the last epoch is not the best one
    trained = train(hard, tmp_path, epochs=12, learning_rate=0.3)
    history = trained.history
    best = history.sort_values(["val_accuracy", "val_loss"], ascending=[False, True]).iloc[0]
    assert best["epoch"] < 12
    assert best["val_accuracy"] > history["val_accuracy"].iloc[-1] or best["val_loss"] < history["val_loss"].iloc[-1]
    assert trained.best.metrics["epoch"] == best["epoch"]
    from_disk = load_bundle(tmp_path / "best")
    assert accuracy(from_disk, hard[1]) == best["val_accuracy"]
    for name, value in from_disk.weights.items():
        assert torch.equal(value, trained.best.weights[name])


def test_the_same_seed_trains_the_same_model_and_another_does_not(files, tmp_path):
    one, again, other = (train(files, tmp_path / str(n), epochs=2, seed=seed) for n, seed in enumerate((5, 5, 6)))
    assert one.history.equals(again.history)
    assert not one.history.equals(other.history)


def test_every_epoch_is_reported_as_it_ends(files, tmp_path):
    seen = []
    trained = train(files, tmp_path, epochs=3, on_epoch=seen.append)
    assert [metrics.epoch for metrics in seen] == [1, 2, 3]
    assert seen[-1].val_accuracy == trained.history["val_accuracy"].iloc[-1]
    assert set(seen[0].tracked()) == {"train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate"}


def test_the_learning_rate_is_stepped_with_every_batch_of_one_cycle(files, tmp_path):
    rates = train(files, tmp_path, epochs=6).history["learning_rate"]
    assert rates.max() <= SETTINGS["learning_rate"]
    assert rates.idxmax() in (1, 2)  # the cycle peaks at 30 %
    assert rates.iloc[-1] < SETTINGS["learning_rate"] / 1000


@pytest.mark.parametrize("change", [{"preload": False}, {"preload": False, "workers": 1}])
def test_reading_clip_by_clip_trains_the_same_model(files, tmp_path, change):
    one, other = train(files, tmp_path / "one", epochs=2), train(files, tmp_path / "other", epochs=2, **change)
    assert one.history.equals(other.history)


def test_half_precision_in_memory_trains_nearly_the_same_model(files, tmp_path):
    one, other = (train(files, tmp_path / kind, epochs=2, preload_precision=kind) for kind in ("float32", "float16"))
    assert not one.history.equals(other.history)
    np.testing.assert_allclose(one.history["train_loss"], other.history["train_loss"], rtol=1e-2)


def test_random_views_make_shorter_epochs_that_learn_too(write_file, tmp_path):
    files = write_file("train.h5", 36, views=3), write_file("val.h5", 13, first=100)
    trained = train(files, tmp_path, epochs=25, hidden=16, view_sampling="random")
    assert accuracy(trained.best, files[1]) == 1.0


def test_files_made_differently_are_refused(write_file, tmp_path):
    files = write_file("train.h5", 6), write_file("val.h5", 6, fingerprint={"clips": {"size": 32}, "seed": 1})
    with pytest.raises(HandGesturesError, match=r"differ in clips\.size"):
        train(files, tmp_path)


def test_one_class_is_refused(tmp_path):
    write_embeddings(tmp_path / "one.h5", embedding_stream([embedded_sequence(1, n) for n in range(4)]))
    one = EmbeddingFile(tmp_path / "one.h5")
    with pytest.raises(HandGesturesError, match=r"at least two classes.*swipe_left"):
        train((one, one), tmp_path)


def test_a_model_refuses_embeddings_made_differently(files, write_file, tmp_path):
    trained = train(files, tmp_path, epochs=1)
    other = write_file("other.h5", 6, fingerprint={"seed": 2})
    with pytest.raises(HandGesturesError, match=r"the fingerprint of .*other\.h5 differ"):
        evaluate_classifier(trained.best, other, 4, torch.device("cpu"))


def test_figures_agree_with_the_predictions(files, tmp_path):
    trained = train(files, tmp_path, epochs=2)
    result = evaluate_classifier(trained.best, files[1], 4, torch.device("cpu"))
    sets = {"swipes": ["swipe_left", "swipe_right"], "absent": ["nothing"]}
    metrics = summarise(result, trained.best.class_names, sets)
    rows = result.predictions
    assert len(rows) == 13
    assert metrics["accuracy"] == (rows["class_name"] == rows["predicted"]).mean()
    swipes = rows[rows["class_name"].str.startswith("swipe")]
    assert metrics["accuracy_swipes"] == (swipes["class_name"] == swipes["predicted"]).mean()
    assert "accuracy_absent" not in metrics
    assert metrics["loss"] == pytest.approx(
        -sum(
            torch.tensor(result.probabilities)[i, trained.best.class_names.index(name)].log().item()
            for i, name in enumerate(rows["class_name"])
        )
        / 13
    )
    assert confusion(result).to_numpy().sum() == 13
    assert rows["probability"].between(0, 1).all()
