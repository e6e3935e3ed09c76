"""Real embeddings files whose classes change places in a mirror, or do not, whatever they are called."""

import numpy as np
import pandas as pd
import pytest

from base_parameters import base_parameters
from hand_gestures.augmentation import is_mirrored, mirrored_labels, view_seed
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.evaluation.mirror_audit import MAX_CLIPS, MIN_CLIPS, audit_mirrors
from hand_gestures.evaluation.mirror_findings import describe_mirrors, mirror_contradictions, require_decided_mirrors
from hand_gestures.parameters import AugmentationParameters
from hand_gestures.pipelines.modeling import nodes
from hand_gestures.store.embedding_file import EmbeddingFile, EmbeddingHeader
from hand_gestures.store.write import write_embeddings
from hand_gestures.utils.contract import make_recipe
from hand_gestures.utils.errors import HandGesturesError
from small_embeddings import CHANNELS, FRAMES, WIDTH, Clip, make_pending

NAMES = ("G01", "G02", "G03", "G04")
MOTIONS = {"up": (0, 1), "down": (0, -1), "left": (-1, 0), "right": (1, 0), "none": (0, 0)}
IN_A_MIRROR = {"left": "right", "right": "left"}
SEED = 5
PERFORMERS = 6


def clip(motion: str, rng: np.random.Generator, noise: float) -> np.ndarray:
    """Features that change over time along one of two axes; without noise the mean over time is the same for all."""
    across, along = MOTIONS[motion]
    ramp = np.linspace(-1, 1, FRAMES)
    features = rng.normal(0, noise, (FRAMES, CHANNELS, WIDTH))
    features[:, :, 0] += across * ramp[:, None]
    features[:, :, 1] += along * ramp[:, None]
    return features.astype(np.float32)


def groups_by_id(file):
    """Performer of each sequence: video ids end with a running number."""
    return {name: f"performer{int(name.rpartition('v')[2]) % PERFORMERS}" for name in file.sequence_ids}


@pytest.fixture
def write(tmp_path):
    """Writes a file of clips with a clean view and augmented views; flipped views show the motion in a mirror."""

    def make(motions, clips=12, noise=0.4, flip=1.0, views=1, mirrored_classes=None) -> EmbeddingFile:
        pairs = mirrored_classes or {}
        augmentation = base_parameters(
            AugmentationParameters, views=views, horizontal_flip=flip, mirrored_classes=pairs
        )
        names = NAMES[: len(motions)]
        labels = mirrored_labels(list(names), pairs, flips=True)
        rng, sequences = np.random.default_rng(0), []
        for label, motion in enumerate(motions):
            for number in range(clips):
                sequence_id = f"{names[label]}/v{label * clips + number}"
                shown, view_labels, mirrored = [clip(motion, rng, noise)], [label], [False]
                for view in range(1, views + 1):
                    flipped = is_mirrored(augmentation, view_seed(SEED, sequence_id, view))
                    shown.append(clip(IN_A_MIRROR.get(motion, motion) if flipped else motion, rng, noise))
                    mirrored.append(flipped)
                    view_labels.append(names.index(labels[names[label]]) if flipped else label)
                boxes = np.zeros((2, 3, 4), np.float32)
                sequences.append(Clip(np.stack(shown), np.array(view_labels), boxes, boxes[..., 0], np.array(mirrored)))
        header = EmbeddingHeader(
            shape=(len(sequences) * (1 + views), FRAMES, CHANNELS, WIDTH),
            class_names=names,
            channel_names=CHANNEL_NAMES,
            hand_frames=(0, 4),
            max_hands=3,
            contract={},
            recipe=make_recipe(augmentation.model_dump(mode="json"), labels),
        )
        ids = [f"{names[index // clips]}/v{index}" for index in range(len(sequences))]
        path = tmp_path / str(len(list(tmp_path.iterdir()))) / "train.h5"
        write_embeddings(path, make_pending(sequences, header, ids))
        return EmbeddingFile(path)

    return make


def audit(file, mirrored_classes=None):
    return audit_mirrors(file, groups_by_id(file), mirrored_classes or {}).set_index("class_name", drop=False)


def test_classes_that_change_places_are_found_whatever_they_are_called(write):
    table = audit(write(["up", "left", "right", "down"]))
    assert table["finding"].tolist() == ["unchanged", "swap", "swap", "unchanged"]
    assert table["looks_like"].tolist() == ["G01", "G03", "G02", "G04"]
    assert (table["log_ratio_low"] > 0).all()
    assert (table["log_ratio_low"] < table["log_ratio"]).all()
    assert (table["mirrored_classes"] == "").all()
    assert table["share"].between(0.9, 1).all()


def test_an_undecided_pair_stops_the_training_and_is_named_with_the_remedy(write):
    table = audit(write(["up", "left", "right"]))
    with pytest.raises(HandGesturesError, match="turns G02 into G03 and back") as caught:
        require_decided_mirrors(table)
    assert "set it to G02: G03," in str(caught.value)
    assert "\n" not in str(caught.value)
    assert describe_mirrors(table)[0].startswith("A mirror turns G02 into G03 and back (log-likelihood ratios ")


@pytest.mark.parametrize("pairs", [{"G02": "G03"}, {"G02": "G02", "G03": "G03"}])
def test_a_decided_pair_does_not_stop_the_training(write, pairs):
    table = audit(write(["up", "left", "right"], mirrored_classes=pairs), pairs)
    assert table["finding"].tolist() == ["unchanged", "swap", "swap"]
    require_decided_mirrors(table)


def test_a_pair_of_which_one_class_is_decided_still_stops(write):
    pairs = {"G02": "G02"}
    with pytest.raises(HandGesturesError, match="G02 into G03"):
        require_decided_mirrors(audit(write(["up", "left", "right"], mirrored_classes=pairs), pairs))


def test_a_class_may_be_mapped_to_itself_after_the_file_was_written(write):
    require_decided_mirrors(audit(write(["up", "left", "right"]), {"G02": "G02", "G03": "G03"}))


def test_a_pair_in_the_file_counts_although_the_setting_is_empty_on_this_machine(write):
    require_decided_mirrors(audit(write(["up", "left", "right"], mirrored_classes={"G02": "G03"})))


def test_labels_that_follow_another_setting_are_an_error(write):
    with pytest.raises(HandGesturesError, match="turns 'G02' into 'G03' now") as caught:
        audit(write(["up", "left", "right"]), {"G02": "G03"})
    assert "run feature_engineering again" in str(caught.value)


@pytest.mark.parametrize(
    ("in_file", "contradiction"),
    [({"G02": "G02", "G03": "G03"}, "G02 look like G03"), ({"G02": "G03", "G01": "G04"}, "G01 look like G01")],
)
def test_a_setting_that_the_embeddings_contradict_is_named_but_does_not_stop(write, in_file, contradiction):
    table = audit(write(["up", "left", "right", "down"], mirrored_classes=in_file))
    sentences = mirror_contradictions(table)
    assert any(contradiction in sentence for sentence in sentences)
    assert len(sentences) == 2
    require_decided_mirrors(table)
    assert mirror_contradictions(audit(write(["up", "left", "right"], mirrored_classes={"G02": "G03"}))) == []


def test_classes_that_the_model_cannot_distinguish_are_undecided(write):
    table = audit(write(["up", "none", "none"]))
    assert table["finding"].tolist() == ["unchanged", "undecided", "undecided"]
    assert table.loc["G02", "reason"] == "the evidence is weak"
    (sentence,) = [text for text in describe_mirrors(table) if "undecided" in text]
    assert sentence.endswith("augmentation.mirrored_classes was never set for: G02, G03.")
    require_decided_mirrors(table)


def test_one_direction_alone_is_undecided(write):
    """Without clips of its mirror class, a class looks like none of the others."""
    table = audit(write(["up", "left", "none"]))
    assert table["finding"]["G02"] == "undecided"
    require_decided_mirrors(table)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"flip": 0.0}, "no clip has a mirrored view"),
        ({"views": 0}, "no clip has a mirrored view"),
        ({"clips": MIN_CLIPS - 1}, "fewer than 8 clips or 4 groups with a mirrored view"),
    ],
)
def test_too_little_evidence_is_undecided_and_never_stops(write, changes, reason):
    table = audit(write(["up", "left", "right"], **changes))
    assert set(table["finding"]) == {"undecided"}
    assert set(table["reason"]) == {reason}
    require_decided_mirrors(table)


def test_too_few_groups_are_too_little_evidence(write):
    file = write(["up", "left", "right"])
    groups = {name: f"performer{int(name[-1]) % 3}" for name in file.sequence_ids}
    table = audit_mirrors(file, groups, {})
    assert set(table["finding"]) == {"undecided"}
    require_decided_mirrors(table)


def test_without_groups_each_clip_is_a_group(write):
    file = write(["up", "left", "right"])
    table = audit_mirrors(file, {name: name for name in file.sequence_ids}, {})
    assert table["finding"].tolist() == ["unchanged", "swap", "swap"]
    assert table["groups"].tolist() == [12, 12, 12]


def test_only_views_that_were_flipped_are_compared(write):
    file = write(["up", "left", "right"], flip=0.5, views=2, clips=24)
    table = audit(file)
    assert table["finding"].tolist() == ["unchanged", "swap", "swap"]
    assert (table["share"] > 0.9).all()  # views that were not flipped would halve it
    assert (table["clips"] < 24).all()


def test_a_clip_of_no_group_is_an_error(write):
    file = write(["up", "left"])
    with pytest.raises(HandGesturesError, match="run data_processing and feature_engineering again"):
        audit_mirrors(file, {}, {})


def test_only_some_clips_of_a_large_class_are_read(write):
    table = audit(write(["up", "none"], clips=MAX_CLIPS + 20))
    assert table["clips"].tolist() == [MAX_CLIPS, MAX_CLIPS]


def test_the_node_logs_the_findings_and_the_same_file_gives_the_same_table(write, caplog):
    file = write(["up", "left", "right"])
    split = pd.DataFrame(groups_by_id(file).items(), columns=["sequence_id", "group"])
    augmentation = base_parameters(AugmentationParameters)
    with caplog.at_level("INFO"):
        first, second = (nodes.audit_mirrors(file, split, augmentation) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert "A mirror turns G02 into G03 and back" in caplog.text


def test_the_training_node_stops_before_it_reads_a_clip(write, tmp_path):
    file = write(["up", "left", "right"])
    table = audit_mirrors(file, groups_by_id(file), {})
    with pytest.raises(HandGesturesError, match="G02 into G03 and back"):
        nodes.train(file, file, table, tmp_path, None, None, None, None, 1)
