"""Every parameter: name, type, range and description. Default values are in conf/base and nowhere else."""

import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Self, Union, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.names import did_you_mean, escape_control_characters, has_control_character, nfc


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("must be odd")
    return value


def _ascending(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError("must go from low to high")
    return value


def _regular_expression(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"must be a regular expression ({error})") from error
    return value


def _without_control_characters(value: str) -> str:
    if has_control_character(value):
        raise ValueError("must not hold a line break or another control character")
    return value


def _names_a_frame(value: str) -> str:
    missing = [name for name in ("video_id", "number") if name not in re.compile(value).groupindex]
    if missing:
        raise ValueError(f"must have the named groups (?P<video_id>...) and (?P<number>...): add {missing[0]}")
    return value


def _free_alias(value: str) -> str:
    if re.fullmatch(r"latest|v\d+", value, re.IGNORECASE):
        raise ValueError("MLflow keeps latest, v1, v2 ... for itself: choose another name")
    return value


Fraction = Annotated[float, Field(gt=0, lt=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Strength = Annotated[float, Field(ge=0, lt=1)]
Range = Annotated[tuple[Probability, Probability], AfterValidator(_ascending)]
Name = Annotated[str, AfterValidator(_without_control_characters), AfterValidator(nfc)]  # of a class, as in catalogs
Pattern = Annotated[str, AfterValidator(_regular_expression), AfterValidator(nfc)]
OddKernel = Annotated[int, Field(ge=3), AfterValidator(_odd)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$"), AfterValidator(str.lower)]
Network = Literal["bilstm", "attentive_probe", "linear_probe"]
SegmentsFormat = Literal[
    "csv", "slovo", "slovo_original", "jester", "ipn_hand", "wlasl", "path_lists", "cvat", "label_studio", "fiftyone"
]
Storage = Literal["float32", "float16"]
Device = Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$")]


class Topic(BaseModel):
    """A group of parameters; an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SeededTopic(Topic):
    """A topic with a random seed of its own."""

    seed: NonNegativeInt | None = Field(description="random seed of this topic; null: the parameter `seed`")

    def seed_or(self, general: int) -> int:
        """The seed of this topic.

        Args:
            general: the parameter `seed`, which counts where the topic has none.
        """
        return general if self.seed is None else self.seed


class ClipParameters(Topic):
    """Length and size of a clip."""

    frames: PositiveInt = Field(description="number of frames in a clip")
    size: Annotated[int, Field(ge=32)] = Field(description="height and width of the square frames, in pixels")


class VideoIngestParameters(Topic):
    """Which frames of a video are written to disk, and how."""

    fps: PositiveFloat | None = Field(description="frames kept per second of video; null: `every` decides")
    every: PositiveInt = Field(description="keep every n-th frame if `fps` is null; 1 keeps all frames")
    longest_side: Annotated[int, Field(ge=16)] | None = Field(
        description="longest side of a frame, in pixels; larger frames are reduced; null keeps the size"
    )
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = Field(description="JPEG quality of the frames, 1 to 100")
    processes: PositiveInt = Field(description="number of processes; each decodes one video at a time")
    prune: bool = Field(description="true: remove frames whose video is no longer in the folder of videos")
    segments: str | None = Field(
        description="path of a table of parts of videos, or of a data set's annotations; null: every video is one clip"
    )
    segments_format: SegmentsFormat = Field(description="format of `segments`; csv: video, class_name, start, end")
    segments_fps: PositiveFloat | None = Field(
        description="frames per second in which `segments` counts frames; null: it counts the frames of the video"
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.fps is not None and self.every != 1:
            raise ValueError("fps and every exclude each other: set fps to null or every to 1")
        return self


class FrameCatalogParameters(Topic):
    """How frame files are checked before they are used."""

    full_decode: bool = Field(description="true: decode every frame; false: check only its first and last bytes")
    processes: PositiveInt = Field(description="number of processes that check frames")
    frame_pattern: Annotated[Pattern, AfterValidator(_names_a_frame)] | None = Field(
        description="regular expression on the path below the class folder, without suffix, with the groups `video_id` "
        "and `number`; null: `{video_id}_frame_{number}`"
    )


class SplitParameters(SeededTopic):
    """How sequences are divided into training, validation and test."""

    val_fraction: Fraction = Field(description="fraction of each class used for validation")
    test_fraction: Annotated[float, Field(ge=0, lt=1)] = Field(
        description="fraction of each class used for the test; 0: no test split"
    )
    group_pattern: Pattern | None = Field(
        description="regular expression that finds the performer or recording in the video id; a group is never divided"
    )
    lists: str | None = Field(
        description="path of a CSV (class_name, video_id, split: train, val, test); it has priority over the fractions"
    )
    groups: str | None = Field(
        description="path of a CSV (class_name, video_id, group); it has priority over `group_pattern`"
    )

    @model_validator(mode="after")
    def _something_trains(self) -> Self:
        if self.val_fraction + self.test_fraction >= 1:
            raise ValueError(
                "val_fraction and test_fraction must leave something to train on: make their sum less than 1"
            )
        return self


class LeakAuditParameters(Topic):
    """How the search for similar clips in different splits works."""

    frames: Annotated[int, Field(ge=2)] = Field(description="number of frames compared per clip")
    distance: Annotated[int, Field(ge=0, le=32)] = Field(
        description="most different bits of the 64-bit hashes of similar frames"
    )
    processes: PositiveInt = Field(description="number of processes that compute hashes")


class DatasetReportParameters(Topic):
    """Layout of the contact sheet of each class."""

    sheet_clips: PositiveInt = Field(description="number of clips on a sheet")
    sheet_frames: PositiveInt = Field(description="number of frames shown per clip")


class AugmentationParameters(SeededTopic):
    """Augmented views of training clips. Each random change applies to all frames of a clip."""

    views: NonNegativeInt = Field(description="augmented views per training clip, in addition to the clean view")
    engine: Literal["albumentations", "torch"] = Field(
        description="albumentations: on the CPU; torch: the same draws, applied on extraction.device"
    )
    mirrored_classes: dict[Name, Name] = Field(description="class → its class after a flip; one direction is enough")
    horizontal_flip: Probability = Field(description="probability of a horizontal flip")
    distortion: Probability = Field(description="probability of an optical or a grid distortion")
    light: Probability = Field(description="probability of a light change: brightness and contrast, or colour jitter")
    noise: Probability = Field(description="probability of Gaussian or ISO noise")
    blur: Probability = Field(description="probability of a motion or a Gaussian blur")
    optical_limit: Strength = Field(description="largest optical distortion coefficient")
    grid_limit: Strength = Field(description="largest shift of a grid line, as a fraction of a grid cell")
    grid_steps: PositiveInt = Field(description="number of grid cells in each direction")
    brightness: Strength = Field(description="largest change of brightness, as a fraction")
    contrast: Strength = Field(description="largest change of contrast, as a fraction")
    saturation: Strength = Field(description="largest change of saturation, as a fraction")
    hue: Annotated[float, Field(ge=0, le=0.5)] = Field(
        description="largest change of hue, a fraction of the colour circle"
    )
    noise_std: Range = Field(description="standard deviation of Gaussian noise, as a fraction of 255")
    iso_color: Range = Field(description="hue shift of ISO noise, as a fraction of the colour circle")
    iso_intensity: Range = Field(description="intensity of ISO noise, without unit")
    blur_limit: OddKernel = Field(description="largest blur kernel, in pixels")


class ModelSource(Topic):
    """A pretrained model: a name and revision on the Hugging Face hub, or a local path. The path has priority."""

    name: str = Field(description="owner/name on the Hugging Face hub")
    revision: str = Field(description="branch, tag or commit on the hub")
    path: str | None = Field(description="local folder or weights file; if it is set, name and revision are not used")
    licence: str = Field(description="licence of the weights, shown in the model card")


class BackboneParameters(Topic):
    """The two frozen networks that compute the embeddings."""

    vit: ModelSource
    resnext: ModelSource


class LandmarkParameters(Topic):
    """The hand landmarks of MediaPipe, an encoder beside the backbones."""

    path: str = Field(description="folder of the four models; `make install` fills it")
    complexity: Literal["lite", "full"] = Field(description="lite: about twice as fast; full: finds more hands")
    search_every: PositiveInt = Field(description="search for a second hand in every n-th frame")
    trim: bool = Field(description="true: cut off the ends of a clip without any hand; for landmarks alone")
    licence: str = Field(description="licence of the models, shown in the model card")


class HandParameters(ModelSource):
    """The hand detector. Its boxes are stored but never used for embeddings."""

    enabled: bool = Field(description="false: no hands are detected, and ultralytics is not loaded")
    weights: str = Field(description="path of the weights file in the hub repository")
    sha256: Sha256 | None = Field(description="SHA-256 that the weights must have; null: no check")
    run_pickled_code: bool = Field(description="true: allow the weights file to run pickled code; requires `sha256`")
    every: PositiveInt = Field(description="detect hands in every n-th frame of a clip")
    confidence: Probability = Field(description="lowest detection score of a hand")
    max_hands: PositiveInt = Field(description="largest number of boxes kept per frame")

    @field_validator("run_pickled_code")
    @classmethod
    def _pinned(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("sha256", "faulty") is None:
            raise ValueError("code runs only from a file that is pinned: set hands.sha256 beside it, or this to false")
        return value


def _complete_encoders(value: list[str]) -> list[str]:
    if not value or len(set(value)) < len(value):
        raise ValueError("must name each encoder once, and at least one")
    if ("vit" in value) != ("resnext" in value):
        raise ValueError("must name vit and resnext together: they give the twelve channels")
    return value


class ExtractionParameters(Topic):
    """How embeddings are computed."""

    encoders: Annotated[list[Literal["vit", "resnext", "landmarks"]], AfterValidator(_complete_encoders)] = Field(
        description="vit and resnext: the twelve channels; landmarks: one channel for each hand"
    )

    device: Device = Field(description="auto: a CUDA device if available, otherwise the CPU")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        description="number type of the backbones; auto: bfloat16 on CUDA, otherwise float32"
    )
    batch_size: PositiveInt | Literal["auto"] = Field(
        description="frames per batch, three regions each; auto: by device; halved if memory runs out"
    )
    compile: bool | Literal["auto"] = Field(
        description="compile the backbones; auto: only for many frames and with a C++ compiler"
    )
    storage: Storage = Field(description="number type in the HDF5 file; float16 halves its size")
    workers: NonNegativeInt = Field(description="processes that decode and augment clips; 0: the main process does it")
    embedding_sources: list[str] = Field(
        description="paths of further embeddings files from which rows are copied, such as copies of earlier files"
    )


class NetworkParameters(Topic):
    """The network that classifies embeddings."""

    name: Network = Field(description="bilstm: CNNBiLSTMWithAttention; the two probes are smaller baselines")
    hidden: PositiveInt = Field(description="LSTM units in each direction")
    layers: PositiveInt = Field(description="number of LSTM layers")
    dropout: Strength = Field(description="dropout probability between LSTM layers and before the last linear layer")
    standardise: bool = Field(description="standardise the input by mean and standard deviation of the training file")


class ChannelParameters(Topic):
    """Which channels of the embeddings the classifier uses."""

    leave_out: list[str] = Field(
        description="channels (such as left_vit), regions (left, right, full) or backbones (vit, resnext) to remove"
    )


class LandmarkAugmentationParameters(Topic):
    """Random changes of hand landmarks in each epoch; one change applies to a whole clip."""

    mirror: Probability = Field(
        description="probability of a mirror image; `augmentation.horizontal_flip: 0` also forbids it"
    )
    rotation: Annotated[float, Field(ge=0, le=180)] = Field(description="largest rotation, in degrees")
    scale: NonNegativeFloat = Field(description="largest change of size, as a logarithm: 0.2 is about 20 %")
    shift: NonNegativeFloat = Field(description="largest shift, as a fraction of the picture's height")
    time_warp: Strength = Field(description="largest relative change of speed within a clip")
    crop: Strength = Field(description="largest part of a clip that is cut off, half of it at each end")
    dropped_frames: Strength = Field(description="share of the frames in which the hand is removed and interpolated")
    noise: NonNegativeFloat = Field(description="standard deviation of the noise, in units of the features")


class TrainingParameters(SeededTopic):
    """How the classifier is trained."""

    epochs: PositiveInt = Field(description="number of passes over the training clips")
    patience: PositiveInt | None = Field(description="stop after so many epochs without improvement; null: never")
    batch_size: PositiveInt = Field(description="clips per training step")
    learning_rate: PositiveFloat = Field(description="highest learning rate of the one-cycle schedule")
    weight_decay: NonNegativeFloat = Field(description="weight decay of the RAdam optimiser")
    gradient_clip: NonNegativeFloat = Field(description="largest gradient norm; 0: no limit")
    label_smoothing: Strength = Field(description="fraction of the target probability that is spread over all classes")
    class_weights: Literal["none", "balanced"] = Field(
        description="balanced: rare classes have the same total weight as frequent classes"
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        description="bfloat16, float16 (CUDA): mixed precision; auto: bfloat16 if the device supports it natively"
    )
    device: Device = Field(description="auto: a CUDA device if available, otherwise the CPU")
    preload: bool | Literal["auto"] = Field(description="keep all embeddings in memory; auto: only if they fit")
    preload_share: Annotated[float, Field(gt=0, le=1)] = Field(
        description="largest fraction of the free memory that `preload: auto` uses"
    )
    preload_precision: Storage = Field(description="number type in memory; float16 needs half")
    views: PositiveInt | None = Field(description="views used per training clip; null: all views in the file")
    view_sampling: Literal["all", "random"] = Field(
        description="all: each epoch uses every view of a clip; random: each epoch uses one random view"
    )
    workers: NonNegativeInt = Field(
        description="processes that read clips from disk if they are not in memory; 0: the main process"
    )
    threads: PositiveInt | Literal["auto"] = Field(
        description="CPU threads that train; auto: one for a small network, all cores for a large one"
    )
    landmark_augmentation: LandmarkAugmentationParameters


class EvaluationParameters(Topic):
    """Which metrics are computed, and how."""

    class_sets: dict[Name, list[Name]] = Field(description="name → classes; their common accuracy is reported")
    bootstrap_draws: NonNegativeInt = Field(description="bootstrap samples of groups per interval; 0: no intervals")
    confidence_level: Fraction = Field(description="confidence level of the intervals")
    faithfulness_clips: NonNegativeInt = Field(description="validation clips in the faithfulness test; 0: no test")
    faithfulness_draws: PositiveInt = Field(description="random selections of frames and channels to compare with")

    @field_validator("class_sets")
    @classmethod
    def _no_reserved_name(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        taken = [name for name in value if re.search(r"^with(out)?_hands$|(^|_)(low|high)$", name)]
        if taken:
            raise ValueError(f"the name {taken[0]!r} is used for another metric: choose another name")
        return value


class ComparisonParameters(Topic):
    """Which models the classifier is compared with."""

    networks: list[Network] = Field(description="networks beside `network.name`")
    nearest_neighbour: bool = Field(
        description="true: add a nearest neighbour on averaged pixels, a baseline that cannot see gestures"
    )
    leave_out: list[str] = Field(description="channels, regions or backbones; each is removed in a variant of its own")
    views: list[PositiveInt] = Field(description="numbers of views per training clip to try")
    random_split: bool = Field(description="true: also train on a random split, if groups are known")
    seeds: Annotated[list[NonNegativeInt], Field(min_length=1)] = Field(
        description="each variant is trained once per seed"
    )
    processes: PositiveInt = Field(description="number of processes that average pixels")


class RegistryParameters(Topic):
    """Registration of the best model in the MLflow registry."""

    enabled: bool = Field(description="false: no model is registered")
    model: Annotated[str, Field(pattern=r"^[\w\-. ]*\w$")] = Field(
        description="name of the registered model in MLflow; use another name for other data"
    )
    min_clips: PositiveInt = Field(description="smallest number of validation clips of a registered model")
    min_groups: PositiveInt = Field(description="smallest number of its validation groups, if groups are known")
    alias: Annotated[str, Field(pattern=r"^[\w\-]+$"), AfterValidator(_free_alias)] = Field(
        description="alias of the best version"
    )


class SampleParameters(Topic):
    """The synthetic gesture set of the demo."""

    performers: PositiveInt = Field(
        description="number of synthetic people; each has different hands, clothes and light"
    )
    takes: PositiveInt = Field(description="clips per gesture and performer")
    height: Annotated[int, Field(ge=64)] = Field(description="height of a frame, in pixels")
    width: Annotated[int, Field(ge=64)] = Field(description="width of a frame, in pixels")
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = Field(description="JPEG quality of the frames, 1 to 100")
    processes: PositiveInt = Field(description="number of processes that render clips")


class Parameters(Topic):
    """All topics, and the parameters outside any topic."""

    videos_dir: str | None = Field(None, description="folder of the raw videos")
    frames_dir: str | None = Field(None, description="folder of the raw frames")
    data_root: str | None = Field(None, description="folder for all results")
    seed: NonNegativeInt = Field(
        42, description="random seed of the synthetic data and intervals, and of topics whose own `seed` is null"
    )
    notice: str | None = Field(None, description="a sentence printed with the results; null: none")
    video_ingest: VideoIngestParameters
    frame_catalog: FrameCatalogParameters
    clips: ClipParameters
    split: SplitParameters
    leak_audit: LeakAuditParameters
    dataset_report: DatasetReportParameters
    augmentation: AugmentationParameters
    backbones: BackboneParameters
    landmarks: LandmarkParameters
    hands: HandParameters
    extraction: ExtractionParameters
    network: NetworkParameters
    channels: ChannelParameters
    training: TrainingParameters
    evaluation: EvaluationParameters
    registry: RegistryParameters
    comparison: ComparisonParameters
    sample: SampleParameters


def check_parameters(raw: Mapping[str, Any]) -> Parameters:
    """Check the parameters of a run.

    Args:
        raw: all parameters, as Kedro's config loader merges them.

    Returns:
        The parameters, with names in the one spelling of `nfc`.

    Raises:
        HandGesturesError: names every parameter that is unknown, missing or out of range.
    """
    try:
        return Parameters.model_validate(raw)
    except ValidationError as error:
        reasons: dict[str, list[str]] = {}
        for fault in error.errors():
            problem, reason = _explain(dict(fault))
            reasons.setdefault(problem, []).append(reason)
        sentence = "; ".join(problem + " or ".join(dict.fromkeys(several)) for problem, several in reasons.items())
        raise HandGesturesError(f"{sentence}; fix it in conf/ or after --params") from error


def check_class_sets(class_sets: Mapping[str, list[str]], class_names: Sequence[str]) -> None:
    """Check that the data set has every class of `evaluation.class_sets`.

    Args:
        class_sets: name → classes.
        class_names: all classes of the data set; a class may have no validation clips.

    Raises:
        HandGesturesError: names the first class that does not exist, and a similar one if there is one.
    """
    for name, classes in class_sets.items():
        for unknown in (known for known in classes if known not in class_names):
            raise HandGesturesError(
                f"a class set may contain only classes of the data set ({', '.join(class_names)}), but "
                f"evaluation.class_sets.{name} contains {unknown!r}{did_you_mean(unknown, class_names)}; correct it, "
                "or set it to [] for no set"
            )


def _explain(fault: dict[str, Any]) -> tuple[str, str]:
    """The problem and its reason. A value that may have several types is one problem with several reasons."""
    names, siblings = _parameter_path(fault["loc"])
    # pydantic writes "[key]" behind a key that is wrong itself, such as a class name
    path = escape_control_characters(".".join(str(name) for name in names if name != "[key]"))
    if fault["type"] == "extra_forbidden":
        return f"parameter '{path}' does not exist", did_you_mean(str(names[-1]), siblings)
    if fault["type"] == "missing":
        return f"parameter '{path}' is missing", ""
    reason = fault["msg"].removeprefix("Value error, ")
    return f"parameter '{path}' is {fault['input']!r}, but ", f"{reason[0].lower()}{reason[1:]}"


def _parameter_path(location: tuple) -> tuple[list, list[str]]:
    """The names that lead to a parameter, and the names beside the last one.

    pydantic also puts the types of a union into the location of a fault; these are left out.
    """
    names: list = []
    siblings: list[str] = []
    annotation: Any = Parameters
    for name in location:
        if isinstance(annotation, type) and issubclass(annotation, Topic):
            siblings = list(annotation.model_fields)
            field = annotation.model_fields.get(name)
            annotation = field.annotation if field else None
            names.append(name)
        elif get_origin(annotation) not in (Union, UnionType):
            names.append(name)
    return names, siblings
