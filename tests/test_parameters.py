import copy
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from pydantic import BaseModel

from base_parameters import base_parameters
from hand_gestures.augmentation import mirrored_labels
from hand_gestures.dataset.sequences import find_group
from hand_gestures.hooks import ParameterHooks
from hand_gestures.parameters import (
    AugmentationParameters,
    Parameters,
    SplitParameters,
    TrainingParameters,
    check_class_sets,
    check_parameters,
)
from hand_gestures.synthetic.gestures import DIRECTION_ONLY, GESTURES
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.nested import flatten

THREE_CLASSES = ["fist", "swipe_left", "swipe_right"]
CONF = Path(__file__).parents[1] / "conf"
TOPICS = {
    name: field.annotation
    for name, field in Parameters.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}


def merged(base, changes):
    """`changes` over `base`, value by value: what Kedro's soft merge does."""
    result = copy.deepcopy(base)
    for name, value in changes.items():
        soft = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if soft else value
    return result


def environment(name):
    parameters = {}
    for path in sorted((CONF / name).glob("parameters*.yml")):
        text = re.sub(r"\$\{globals:\w+\}", "somewhere", path.read_text())
        parameters = merged(parameters, yaml.safe_load(text))
    return parameters


def fields(model, prefix=""):
    """The dotted name of every single value below a model, with its field."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from fields(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, field


def place(parameters, dotted):
    """The value under a dotted name."""
    for name in dotted.split("."):
        parameters = parameters[name]
    return parameters


def changed(parameters, dotted, value):
    parameters = copy.deepcopy(parameters)
    *path, last = dotted.split(".")
    target = place(parameters, ".".join(path)) if path else parameters
    target[last] = value
    return parameters


def complaint(parameters):
    with pytest.raises(HandGesturesError) as caught:
        check_parameters(parameters)
    message = str(caught.value)
    assert "\n" not in message
    assert "conf/" in message
    assert "--params" in message
    return message


@pytest.fixture
def base():
    return environment("base")


@pytest.fixture
def demo(base):
    return merged(base, environment("demo"))


def test_the_base_environment_is_valid(base):
    check_parameters(base)


def test_the_demo_environment_is_valid(demo):
    check_parameters(demo)


def test_the_demo_class_sets_are_classes_of_its_sample(demo):
    check_class_sets(demo["evaluation"]["class_sets"], list(GESTURES))


def test_a_class_set_may_contain_only_classes_of_the_data_set():
    with pytest.raises(HandGesturesError) as error:
        check_class_sets({"fists": ["fist"], "swipes": ["swipe_left", "swipe_rihgt"]}, THREE_CLASSES)
    assert str(error.value) == (
        "a class set may contain only classes of the data set (fist, swipe_left, swipe_right), but "
        "evaluation.class_sets.swipes contains 'swipe_rihgt' (did you mean 'swipe_right'?); correct it, or set it to "
        "[] for no set"
    )
    with pytest.raises(HandGesturesError, match=r"contains 'jump'; correct it"):
        check_class_sets({"jumps": ["jump"]}, THREE_CLASSES)
    check_class_sets({"swipes": ["swipe_left", "swipe_right"], "none": []}, THREE_CLASSES)


def test_the_demo_changes_values_and_adds_none(base):
    changes = flatten(environment("demo"))
    open_maps = ("augmentation.mirrored_classes.", "evaluation.class_sets.")
    new = [name for name in changes if not name.startswith(open_maps) and name not in flatten(base)]
    assert new == []
    assert [name for name, value in changes.items() if flatten(base).get(name) == value] == []


def test_the_demo_knows_the_gestures_of_its_sample(demo):
    labels = mirrored_labels(list(GESTURES), demo["augmentation"]["mirrored_classes"], flips=True)
    assert sum(name != label for name, label in labels.items()) == 4
    assert sorted(demo["evaluation"]["class_sets"]["direction_only"]) == sorted(DIRECTION_ONLY)
    assert re.search(demo["split"]["group_pattern"], "performer07-take1")[1] == "performer07"


@pytest.mark.parametrize("topic", TOPICS)
def test_every_field_of_a_topic_stands_in_the_base_environment(base, topic):
    absent = []
    for name, _ in fields(TOPICS[topic]):
        try:
            place(base[topic], name)
        except KeyError:
            absent.append(name)
    assert absent == []


def test_the_places_of_frames_and_results_stand_in_the_globals():
    names = yaml.safe_load((CONF / "base/globals.yml").read_text())
    assert {"frames_dir", "data_root"} <= names.keys()
    assert {"frames_dir", "data_root"} <= Parameters.model_fields.keys()


@pytest.mark.parametrize("dotted", [f"{topic}.{name}" for topic, model in TOPICS.items() for name, _ in fields(model)])
def test_the_base_environment_is_the_only_source_of_a_default_value(base, dotted):
    *path, name = dotted.split(".")
    del place(base, ".".join(path))[name]
    assert f"parameter '{dotted}' is missing" in complaint(base)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_checked_topic_holds_the_values_of_the_base_environment(base, topic):
    assert TOPICS[topic].model_validate(base[topic]).model_dump(mode="json") == base[topic]


@pytest.mark.parametrize("dotted", [f"{topic}.{name}" for topic, model in TOPICS.items() for name, _ in fields(model)])
def test_a_misspelt_name_is_named_with_the_right_one(base, dotted):
    message = complaint(changed(base, f"{dotted}_", place(base, dotted)))
    assert f"parameter '{dotted}_' does not exist (did you mean '{dotted.split('.')[-1]}'?)" in message


@pytest.mark.parametrize(("topic", "meant"), [("clip", "clips"), ("augmentations", "augmentation"), ("sed", "seed")])
def test_a_misspelt_topic_is_named_with_the_right_one(base, topic, meant):
    assert f"parameter '{topic}' does not exist (did you mean '{meant}'?)" in complaint({**base, topic: {}})


def test_a_name_like_no_other_gets_no_guess(base):
    message = complaint(changed(base, "clips.zzz", 1))
    assert "parameter 'clips.zzz' does not exist" in message
    assert "did you mean" not in message


@pytest.mark.parametrize(
    ("dotted", "value"),
    [
        ("seed", -1),
        ("clips.frames", 0),
        ("clips.size", 31),
        ("split.val_fraction", 0),
        ("split.val_fraction", 1),
        ("augmentation.views", -1),
        ("augmentation.horizontal_flip", 1.5),
        ("augmentation.noise", -0.1),
        ("augmentation.optical_limit", 1),
        ("augmentation.hue", 0.6),
        ("augmentation.blur_limit", 1),
        ("augmentation.blur_limit", 4),
        ("hands.confidence", 2),
        ("hands.every", 0),
        ("extraction.batch_size", 0),
        ("extraction.workers", -1),
        ("extraction.device", "gpu"),
        ("extraction.device", "cuda:x"),
        ("extraction.precision", "fp16"),
        ("network.dropout", 1.0),
        ("training.learning_rate", 0),
        ("training.precision", "int8"),
        ("sample.jpeg_quality", 101),
        ("sample.height", 63),
    ],
)
def test_a_value_out_of_range_is_named_with_its_place(base, dotted, value):
    assert complaint(changed(base, dotted, value)).startswith(f"parameter '{dotted}' is {value!r}, but ")


@pytest.mark.parametrize(
    ("dotted", "value"),
    [
        ("clips", None),
        ("clips", 32),
        ("clips.frames", "many"),
        ("clips.frames", 1.5),
        ("split.group_pattern", 5),
        ("augmentation.noise_std", 0.1),
        ("augmentation.mirrored_classes", ["swipe_left"]),
        ("backbones.vit.name", None),
        ("hands.enabled", "perhaps"),
        ("evaluation.class_sets", {"swipes": "swipe_left"}),
    ],
)
def test_a_value_of_the_wrong_type_is_named_with_its_place(base, dotted, value):
    assert f"parameter '{dotted}" in complaint(changed(base, dotted, value))


def test_a_missing_topic_and_a_missing_name_are_named(base):
    del base["clips"], base["backbones"]["vit"]["name"]
    message = complaint(base)
    assert "parameter 'clips' is missing" in message
    assert "parameter 'backbones.vit.name' is missing" in message


def test_all_faults_are_named_at_once(base):
    faulty = changed(changed(changed(base, "clips.frames", 0), "trainig", {}), "network.hidden", -1)
    message = complaint(faulty)
    assert all(f"'{name}'" in message for name in ("clips.frames", "trainig", "network.hidden"))


@pytest.mark.parametrize("name", ["low", "swipes_high", "with_hands", "without_hands"])
def test_a_class_set_cannot_have_the_name_of_another_metric(base, name):
    assert f"'{name}' is used for another metric" in complaint(changed(base, "evaluation.class_sets", {name: ["fist"]}))
    check_parameters(changed(base, "evaluation.class_sets", {f"{name}er": ["fist"]}))


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1", "mps"])
def test_every_device_is_accepted(base, device):
    check_parameters(changed(base, "extraction.device", device))


@pytest.mark.parametrize("preload", [True, False, "auto"])
def test_preload_is_on_off_or_auto(base, preload):
    check_parameters(changed(base, "training.preload", preload))


@pytest.mark.parametrize(
    ("name", "value", "reasons"),
    [
        ("extraction.batch_size", 0, "but input should be greater than 0 or input should be 'auto'; fix"),
        ("extraction.compile", "maybe", "but input should be a valid boolean, unable to interpret input or input"),
    ],
)
def test_a_value_of_several_kinds_is_wrong_once_for_all_reasons(base, name, value, reasons):
    sentence = complaint(changed(base, name, value))
    assert sentence.startswith(f"parameter '{name}' is {value!r}, {reasons}")


def test_flatten_joins_names_with_dots_and_keeps_empty_maps():
    tree = {"a": {"b": {"c": 1}, "d": [2, 3]}, "e": {}, "f": None}
    assert flatten(tree) == {"a.b.c": 1, "a.d": [2, 3], "e": {}, "f": None}


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        (("augmentation", "noise_std"), [0.5, 0.1], "must go from low to high"),
        (("split", "group_pattern"), "(", "must be a regular expression"),
    ],
)
def test_what_a_library_would_refuse_later_is_refused_at_once(base, place, value, complaint):
    topic, name = place
    wrong = {**base, topic: {**base[topic], name: value}}
    with pytest.raises(HandGesturesError, match=rf"'{topic}\.{name}' is .*, but {complaint}"):
        check_parameters(wrong)


def test_names_and_patterns_match_the_catalog_in_both_spellings_of_an_accent(base):
    decomposed, composed = "и\u0306", "й"
    base["augmentation"]["mirrored_classes"] = {decomposed: "u\u0308"}
    base["evaluation"]["class_sets"] = {decomposed: [decomposed, "a"]}
    base["split"]["group_pattern"] = f"^({decomposed}+)"
    read = Parameters.model_validate(base)
    assert read.augmentation.mirrored_classes == {composed: "ü"}
    assert read.evaluation.class_sets == {composed: [composed, "a"]}
    assert find_group(read.split.group_pattern, f"{composed}{composed}-1") == composed * 2


@pytest.mark.parametrize(
    ("dotted", "value"),
    [
        ("augmentation.mirrored_classes", {"a\nb": "c"}),
        ("augmentation.mirrored_classes", {"c": "a\nb"}),
        ("evaluation.class_sets", {"a\tb": ["c"]}),
        ("evaluation.class_sets", {"a": ["c\r"]}),
    ],
)
def test_a_class_name_with_a_control_character_is_an_error_on_one_line(base, dotted, value):
    message = complaint(changed(base, dotted, value))
    assert f"'{dotted}." in message
    assert "must not hold a line break or another control character" in message
    assert "[key]" not in message
    assert message.isprintable()


def test_class_sets_are_checked_in_the_spelling_of_the_catalog(base):
    base["evaluation"]["class_sets"] = {"set": ["и\u0306"]}
    hooks = ParameterHooks()
    hooks.after_context_created(SimpleNamespace(config_loader={"parameters": base}))
    hooks.after_node_run({"class_names": ["й", "wave"]})
    with pytest.raises(HandGesturesError, match="set contains 'й'"):
        hooks.after_node_run({"class_names": ["fist", "wave"]})


@pytest.mark.parametrize("topic", [SplitParameters, AugmentationParameters, TrainingParameters])
def test_a_topic_has_the_general_seed_unless_it_has_its_own(topic):
    assert base_parameters(topic).seed_or(7) == 7
    assert base_parameters(topic, seed=0).seed_or(7) == 0
