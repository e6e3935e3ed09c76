"""Every parameter: name, type, range and description. Default values are in conf/base and nowhere else."""

import difflib
import re
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Self, Union, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from hand_gestures.utils.errors import HandGesturesError


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


def _free_alias(value: str) -> str:
    if re.fullmatch(r"latest|v\d+", value, re.IGNORECASE):
        raise ValueError("MLflow keeps latest, v1, v2 ... for itself: choose another name")
    return value


Probability = Annotated[float, Field(ge=0, le=1)]
Strength = Annotated[float, Field(ge=0, lt=1)]
Range = Annotated[tuple[Probability, Probability], AfterValidator(_ascending)]
Pattern = Annotated[str, AfterValidator(_regular_expression)]
OddKernel = Annotated[int, Field(ge=3), AfterValidator(_odd)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$"), AfterValidator(str.lower)]
Device = Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$")]


class Topic(BaseModel):
    """A group of parameters; a name it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ClipParameters(Topic):
    """What a clip is."""

    frames: PositiveInt = Field(description="frames a clip")
    size: Annotated[int, Field(ge=32)] = Field(description="side of the square frames, pixels")


class VideoIngestParameters(Topic):
    """Which frames of a video become frames on disk."""

    fps: PositiveFloat | None = Field(description="frames kept of each second; null keeps every n-th frame")
    every: PositiveInt = Field(description="every n-th frame is kept where fps is null; 1 keeps all")
    longest_side: Annotated[int, Field(ge=16)] | None = Field(description="larger frames shrink to it, pixels")
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = Field(description="of the frames")
    processes: PositiveInt = Field(description="videos decoded at a time")

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.fps is not None and self.every != 1:
            raise ValueError("fps and every exclude each other: set fps to null or every to 1")
        return self


class FrameCatalogParameters(Topic):
    """How closely frames are looked at before they are used."""

    full_decode: bool = Field(description="decode every pixel of every frame, not only its first and last bytes")
    processes: PositiveInt = Field(description="processes that decode")


class SplitParameters(Topic):
    """Which sequences train, validate and test."""

    val_fraction: Annotated[float, Field(gt=0, lt=1)] = Field(description="share of each class that validates")
    test_fraction: Annotated[float, Field(ge=0, lt=1)] = Field(description="share kept apart for the test")
    group_pattern: Pattern | None = Field(
        description="regular expression on the video id: performer or recording; no group stands on both sides"
    )
    lists: str | None = Field(
        description="CSV with class_name, video_id, split (train, val, test): published lists, which go first"
    )

    @model_validator(mode="after")
    def _something_trains(self) -> Self:
        if self.val_fraction + self.test_fraction >= 1:
            raise ValueError(
                "val_fraction and test_fraction must leave something to train on: make their sum less than 1"
            )
        return self


class LeakAuditParameters(Topic):
    """When two clips look alike."""

    frames: Annotated[int, Field(ge=2)] = Field(description="frames of each clip that are compared")
    distance: Annotated[int, Field(ge=0, le=32)] = Field(description="of the 64 bits of a perceptual hash")
    processes: PositiveInt = Field(description="processes that hash frames")


class DatasetReportParameters(Topic):
    """The contact sheet of each class."""

    sheet_clips: PositiveInt = Field(description="clips on a sheet")
    sheet_frames: PositiveInt = Field(description="frames of each clip")


class AugmentationParameters(Topic):
    """The augmented views of training clips."""

    views: NonNegativeInt = Field(description="augmented views beside the clean one")
    mirrored_classes: dict[str, str] = Field(
        description="class that each direction-dependent class becomes in a mirror"
    )
    horizontal_flip: Probability = Field(description="probability of the mirror")
    distortion: Probability = Field(description="probability of an optical or a grid distortion")
    light: Probability = Field(
        description="probability of a change of light: brightness and contrast, or colour jitter"
    )
    noise: Probability = Field(description="probability of Gaussian or ISO noise")
    blur: Probability = Field(description="probability of a motion or a Gaussian blur")
    optical_limit: Strength = Field(description="largest optical distortion")
    grid_limit: Strength = Field(description="largest shift of the grid, of a cell")
    grid_steps: PositiveInt = Field(description="cells of the grid in each direction")
    brightness: Strength = Field(description="largest change")
    contrast: Strength = Field(description="largest change")
    saturation: Strength = Field(description="largest change")
    hue: Annotated[float, Field(ge=0, le=0.5)] = Field(description="largest change, of the colour circle")
    noise_std: Range = Field(description="standard deviation, fraction of 255")
    iso_color: Range = Field(description="shift of hue, of the colour circle")
    iso_intensity: Range = Field(description="strength of ISO noise")
    blur_limit: OddKernel = Field(description="largest blur kernel, pixels")


class ModelSource(Topic):
    """A pretrained model by name and revision on the hub, or by a local path, which goes first."""

    name: str = Field(description="owner/name on the hub")
    revision: str = Field(description="branch, tag or commit")
    path: str | None = Field(description="local folder or weights file; name and revision are not used then")
    licence: str = Field(description="of the weights, for the model card")


class BackboneParameters(Topic):
    """The two frozen networks."""

    vit: ModelSource
    resnext: ModelSource


class HandParameters(ModelSource):
    """The hand detector."""

    enabled: bool = Field(description="false: no boxes are found, and ultralytics is not loaded")
    weights: str = Field(description="file in the repository")
    sha256: Sha256 | None = Field(description="of the weights; another file is refused")
    run_pickled_code: bool = Field(description="let code in the weights run; needs sha256")
    every: PositiveInt = Field(description="search every n-th frame of a clip")
    confidence: Probability = Field(description="least score of a hand")
    max_hands: PositiveInt = Field(description="boxes kept for one frame")

    @field_validator("run_pickled_code")
    @classmethod
    def _pinned(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("sha256", "faulty") is None:
            raise ValueError("code runs only from a file that is pinned: set hands.sha256 beside it, or this to false")
        return value


class ExtractionParameters(Topic):
    """How embeddings are computed."""

    device: Device = Field(description="auto takes a CUDA device where there is one")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        description="of the backbones; auto: bfloat16 on CUDA, float32 elsewhere"
    )
    batch_size: PositiveInt | Literal["auto"] = Field(
        description="frames at a time; auto chooses by device; halved where memory does not suffice"
    )
    compile: bool | Literal["auto"] = Field(
        description="compile the backbones; auto does so for many frames where there is a compiler"
    )
    storage: Literal["float32", "float16"] = Field(description="numbers on disk; float16 halves the file")
    workers: NonNegativeInt = Field(description="processes that decode and augment; 0 = none beside the main one")


class NetworkParameters(Topic):
    """The network that reads the embeddings."""

    name: Literal["bilstm", "attentive_probe", "linear_probe"] = Field(
        description="bilstm: CNNBiLSTMWithAttention; the probes are what it is measured against"
    )
    hidden: PositiveInt = Field(description="width of the LSTM in each direction")
    layers: PositiveInt = Field(description="of the LSTM")
    dropout: Strength = Field(description="between layers of the LSTM, and before the last linear layer")
    standardise: bool = Field(description="standardise the input with the training file's mean and spread")


class ChannelParameters(Topic):
    """Which channels of the embeddings the classifier takes."""

    leave_out: list[str] = Field(
        description="channels (left_vit), regions (left, right, full) or backbones (vit, resnext)"
    )


class TrainingParameters(Topic):
    """How the classifier is trained."""

    epochs: PositiveInt = Field(description="passes over the training clips")
    patience: PositiveInt | None = Field(description="epochs without a better one after which it stops")
    batch_size: PositiveInt = Field(description="clips of a training step")
    learning_rate: PositiveFloat = Field(description="highest of the cycle")
    weight_decay: Annotated[float, Field(ge=0)] = Field(description="of RAdam")
    gradient_clip: Annotated[float, Field(ge=0)] = Field(description="largest gradient norm, 0 = no limit")
    label_smoothing: Strength = Field(description="share of the target that goes to the other classes")
    class_weights: Literal["none", "balanced"] = Field(
        description="balanced: rare classes weigh as much as frequent ones"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        description="bfloat16: mixed precision; auto takes it where the device computes in it"
    )
    device: Device = Field(description="auto takes a CUDA device where there is one")
    preload: bool | Literal["auto"] = Field(description="keep all embeddings in memory; auto where they fit")
    preload_share: Annotated[float, Field(gt=0, le=1)] = Field(description="of the free memory, for auto")
    preload_precision: Literal["float32", "float16"] = Field(description="of the numbers kept in memory")
    views: PositiveInt | None = Field(description="views of each training clip that are used; null uses all")
    view_sampling: Literal["all", "random"] = Field(
        description="an epoch shows every view of a clip, or another one each time"
    )
    workers: NonNegativeInt = Field(description="processes that read clips which are not kept in memory")


class EvaluationParameters(Topic):
    """What is reported."""

    class_sets: dict[str, list[str]] = Field(description="name → classes whose accuracy is reported together")
    bootstrap_draws: NonNegativeInt = Field(description="for confidence intervals; 0 makes none")
    confidence_level: Annotated[float, Field(gt=0, lt=1)] = Field(description="of the intervals")
    faithfulness_clips: NonNegativeInt = Field(description="clips that are tried without what they attend; 0: none")
    faithfulness_draws: PositiveInt = Field(description="random choices that this is compared with")

    @field_validator("class_sets")
    @classmethod
    def _no_reserved_name(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        taken = [name for name in value if re.search(r"^with(out)?_hands$|(^|_)(low|high)$", name)]
        if taken:
            raise ValueError(f"the name {taken[0]!r} is used for another metric: choose another name")
        return value


class ComparisonParameters(Topic):
    """What the classifier is compared with."""

    networks: list[Literal["bilstm", "attentive_probe", "linear_probe"]] = Field(description="beside network.name")
    nearest_neighbour: bool = Field(description="by averaged tiny pixels: what it recognises is no gesture")
    leave_out: list[str] = Field(description="channels, regions or backbones, each left out alone")
    views: list[PositiveInt] = Field(description="numbers of views of each training clip that are tried")
    random_split: bool = Field(description="beside the grouped one, where groups are known")
    seeds: Annotated[list[NonNegativeInt], Field(min_length=1)] = Field(
        description="each variant trains once with each"
    )
    processes: PositiveInt = Field(description="that average pixels")


class RegistryParameters(Topic):
    """Where the best model is registered."""

    enabled: bool = Field(description="false: no model is registered")
    model: Annotated[str, Field(pattern=r"^[\w\-. ]*\w$")] = Field(
        description="registered model of MLflow; models of other data need one of their own"
    )
    alias: Annotated[str, Field(pattern=r"^[\w\-]+$"), AfterValidator(_free_alias)] = Field(
        description="of the best version"
    )


class SampleParameters(Topic):
    """The drawn gesture set."""

    performers: PositiveInt = Field(description="drawn people, each with hands, clothes and light of their own")
    takes: PositiveInt = Field(description="clips of each gesture by each performer")
    height: Annotated[int, Field(ge=64)] = Field(description="of a frame, pixels")
    width: Annotated[int, Field(ge=64)] = Field(description="of a frame, pixels")
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = Field(description="of the frames")
    processes: PositiveInt = Field(description="processes that draw")


class Parameters(Topic):
    """All topics, and the values that stand by themselves."""

    videos_dir: str | None = Field(None, description="where the raw videos are")
    frames_dir: str | None = Field(None, description="where the raw frames are")
    data_root: str | None = Field(None, description="where everything is written")
    seed: NonNegativeInt = Field(42, description="of the split, the augmentation, the training and the sample")
    notice: str | None = Field(None, description="a sentence printed with the results")
    video_ingest: VideoIngestParameters
    frame_catalog: FrameCatalogParameters
    clips: ClipParameters
    split: SplitParameters
    leak_audit: LeakAuditParameters
    dataset_report: DatasetReportParameters
    augmentation: AugmentationParameters
    backbones: BackboneParameters
    hands: HandParameters
    extraction: ExtractionParameters
    network: NetworkParameters
    channels: ChannelParameters
    training: TrainingParameters
    evaluation: EvaluationParameters
    registry: RegistryParameters
    comparison: ComparisonParameters
    sample: SampleParameters


def check_parameters(raw: Mapping[str, Any]) -> None:
    """Check the parameters of a run.

    Args:
        raw: all parameters, as Kedro's config loader merges them.

    Raises:
        HandGesturesError: names every parameter that is unknown, missing or out of range.
    """
    try:
        Parameters.model_validate(raw)
    except ValidationError as error:
        reasons: dict[str, list[str]] = {}
        for fault in error.errors():
            problem, reason = _explain(dict(fault))
            reasons.setdefault(problem, []).append(reason)
        sentence = "; ".join(problem + " or ".join(dict.fromkeys(several)) for problem, several in reasons.items())
        raise HandGesturesError(f"{sentence}; fix it in conf/ or after --params") from error


def _explain(fault: dict[str, Any]) -> tuple[str, str]:
    """The problem and its reason. A value that may have several types is one problem with several reasons."""
    names, siblings = _parameter_path(fault["loc"])
    path = ".".join(map(str, names))
    if fault["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(names[-1]), siblings, n=1)
        return f"parameter '{path}' does not exist", f" (did you mean '{close[0]}'?)" if close else ""
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
