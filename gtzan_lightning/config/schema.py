"""The typed schema of the configuration, and its validation, which reports every mistake at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from omegaconf import DictConfig, OmegaConf
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from gtzan_lightning.config.validation_messages import mistakes
from gtzan_lightning.corpus.location import TABLE
from gtzan_lightning.datamodule.split_rules import NAMES as RULES
from gtzan_lightning.datamodule.split_rules import rule_named
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.feature_request import WHOLE_CLIP_S
from gtzan_lightning.features.kinds import NAMES as FEATURES
from gtzan_lightning.features.kinds import is_framed, kind_named

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
DottedName = Annotated[str, Field(alias="_target_", pattern=r"^\w+(\.\w+)+$")]
MODEL_FOLDER = "gtzan_lightning.models."


class Section(BaseModel):
    """A section of the configuration: immutable, without unknown keys and implicit conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())


class OpenSection(Section):
    """A section that may have further keys."""

    model_config = ConfigDict(extra="allow")


class Genres(Section):
    """Genres of the corpus."""

    aliases: dict[str | int, str] | None


class Data(Section):
    """Config group `data`."""

    kind: Literal["auto", "gtzan", "folder", "tracks", "synthetic"]
    root: str | None
    metadata: str | None = None
    name: str | None = None
    genres: Genres = Field(default_factory=lambda: Genres(aliases=None))
    min_tracks: Annotated[int, Field(ge=0)] = 0
    source: Literal["tables", "audio"] | None
    batch_size: Annotated[int, Field(ge=2)]  # batch normalisation needs two examples
    n_jobs: Count
    max_skipped_share: Share


class FeatureConfig(Section):
    """Config group `features`."""

    name: str
    path: str | list[str] | None = None
    columns: dict[Literal["id", "genre", "window", "start", "length", "part"], str] | None = None
    drop: list[str] | None = None
    transform: Literal["logit", "log"] | None = None
    pooling: Literal["clip"] | None = None
    window_s: Seconds | None
    sample_rate_hz: Annotated[int, Field(ge=4000)]
    n_fft: Annotated[int, Field(ge=64)]
    hop_length_samples: Annotated[int, Field(ge=16)]
    n_mfcc: Count
    n_mels: Count
    deltas: bool
    layer: Literal["penultimate", "taggram", "mean_pool", "max_pool"] = "penultimate"
    nets: Annotated[list[Literal["msd", "mtt"]], Field(min_length=1)] = ["msd", "mtt"]
    scaling: Literal["standard", "quantile"]
    scaling_fitted_on: Literal["train", "all"] = "train"  # configurations of older runs lack keys with a default
    max_clip_s: Seconds

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        known = (*FEATURES, TABLE)
        if name not in known:
            raise ValueError(f"should be one of {', '.join(known)}")
        return name

    @model_validator(mode="after")
    def _fits(self) -> FeatureConfig:
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc={self.n_mfcc} needs at least as many mel bands, but n_mels={self.n_mels}")
        required = {} if self.name == TABLE else getattr(kind_named(self.name), "REQUIRED", {})
        for key, value in required.items():
            if getattr(self, key) != value:
                raise ValueError(f"{self.name} was trained with {key}={value}, not {getattr(self, key)}")
        if len(set(self.nets)) < len(self.nets):
            raise ValueError(f"nets={self.nets}: name each network once")
        return self

    @model_validator(mode="after")
    def _belongs_to_a_table(self) -> FeatureConfig:
        for key in ("path", "transform", "pooling"):
            if self.name != TABLE and getattr(self, key) is not None:
                raise ValueError(f"features.{key} belongs to features=table, not to features={self.name}")
        if self.name != TABLE and self.window_s is None:
            raise ValueError("window_s may be null for features=table only")
        return self

    @property
    def framed(self) -> bool:
        """Whether a feature row is a short frame instead of a window."""
        return is_framed(self.name)

    def row_s(self, step_s: float | None) -> float:
        """Seconds of a feature row; `step_s` = 30 s selects statistics of whole clips."""
        if self.framed:
            return self.hop_length_samples / self.sample_rate_hz
        return WHOLE_CLIP_S if step_s == WHOLE_CLIP_S or self.window_s is None else self.window_s


class SliceConfig(Section):
    """Config group `slice`."""

    seconds: Seconds
    step_s: Seconds | None
    hop_s: Seconds | None


class Ratios(Section):
    """Shares of train, val and test."""

    train: Annotated[float, Field(gt=0, lt=1)]
    val: Annotated[float, Field(ge=0, lt=1)]
    test: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _sums_to_one(self) -> Ratios:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + val + test is {total:g}, and must be 1")
        return self


class Split(Section):
    """Config group `split`."""

    name: str
    seed: Annotated[int, Field(ge=0)]
    ratios: Ratios
    fold: Annotated[int, Field(ge=0)] | None
    n_folds: Annotated[int, Field(ge=2)] | None
    val_fold: Annotated[int, Field(ge=0)] | None = None
    n_val_folds: Annotated[int, Field(ge=2)] | None = None
    train_tracks: Count | None
    manifest: str | dict[Literal["train", "val", "test"], str] | None

    @field_validator("name")
    @classmethod
    def _is_a_rule(cls, name: str) -> str:
        if name not in RULES:
            raise ValueError(f"should be one of {', '.join(RULES)}")
        return name

    @model_validator(mode="after")
    def _folds(self) -> Split:
        if self.manifest is not None and self.n_folds is None:
            return self  # the fold of a list
        if (self.fold is None) != (self.n_folds is None):
            raise ValueError("fold and n_folds go together: set both, or neither")
        if self.fold is not None and self.n_folds is not None and self.fold >= self.n_folds:
            raise ValueError(f"fold={self.fold}: folds are numbered 0 ... {self.n_folds - 1}")
        if self.fold is not None and not rule_named(self.name).HAS_FOLDS:
            raise ValueError(f"split={self.name} has its published parts and no folds: leave fold and n_folds out")
        return self

    @model_validator(mode="after")
    def _validation_folds(self) -> Split:
        if (self.val_fold is None) != (self.n_val_folds is None):
            raise ValueError("val_fold and n_val_folds go together: set both, or neither")
        if self.val_fold is None or self.n_val_folds is None:
            return self
        if self.val_fold >= self.n_val_folds:
            raise ValueError(f"val_fold={self.val_fold}: validation folds are numbered 0 ... {self.n_val_folds - 1}")
        if self.manifest is not None:
            raise ValueError("a manifest has its own validation part: leave val_fold and n_val_folds out")
        if "track" not in rule_named(self.name).KEEPS:
            raise ValueError(
                f"split={self.name} assigns slices, and validation folds are whole tracks: use split=grouped"
            )
        return self


class Regularized(Section):
    """Keys of the config groups `regularization` and `model`; those of `model` refer to the former."""

    dropout: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    mixup: Annotated[float, Field(ge=0)]
    feature_noise: Annotated[float, Field(ge=0)]


class Model(Regularized):
    """Config group `model` with a network of this package; further keys are arguments of its class."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    target: DottedName
    hidden_size: Count
    num_layers: Count
    lr: Annotated[float, Field(gt=0)]


class OtherModel(OpenSection):
    """Config group `model` with another class: a scikit-learn estimator or a user's network; the keys are its own."""

    target: DottedName


def _kind_of_model(section: Any) -> str:
    target = section.get("_target_", "") if isinstance(section, dict) else section.target
    return "package" if str(target).startswith(MODEL_FOLDER) else "other"


AnyModel = Annotated[
    Annotated[Model, Tag("package")] | Annotated[OtherModel, Tag("other")], Discriminator(_kind_of_model)
]


class Regularization(Regularized):
    """Config group `regularization`."""

    patience: Annotated[int, Field(ge=0)]


class OptimizerConfig(OpenSection):
    """Config group `optimizer`: the keys of every optimizer; further keys are arguments of its class."""

    target: DottedName
    lr: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]


class SchedulerConfig(OpenSection):
    """Config group `scheduler`: the class of the learning-rate schedule; further keys are its arguments."""

    target: DottedName
    interval: Literal["step", "epoch"]


class Augmentation(Section):
    """Config group `augmentation`."""

    copies: Annotated[int, Field(ge=0)]
    copy_seed: Annotated[int, Field(ge=0)]
    gain_db: Annotated[float, Field(ge=0, le=40)]
    pitch_semitones: Annotated[float, Field(ge=0, le=12)]
    stretch: Share
    noise_snr_db: float | None
    reverb_s: Annotated[float, Field(ge=0, le=10)]
    time_masks: Annotated[int, Field(ge=0)]
    time_mask_share: Share
    feature_masks: Annotated[int, Field(ge=0)]
    feature_mask_share: Share
    genre_strength: dict[str, Annotated[float, Field(ge=0)]] | None

    @property
    def factors(self) -> dict[str, float]:
        """`genre_strength`, empty where there is none."""
        return self.genre_strength or {}

    @model_validator(mode="after")
    def _copies_differ(self) -> Augmentation:
        changes = (self.gain_db, self.pitch_semitones, self.stretch, self.reverb_s)
        if self.copies and not any(changes) and self.noise_snr_db is None:
            raise ValueError(
                f"copies={self.copies} would be copies of their originals: "
                "set gain_db, pitch_semitones, stretch, noise_snr_db or reverb_s"
            )
        return self


class TrainerConfig(OpenSection):
    """Config group `trainer`; further keys are arguments of Lightning's `Trainer`."""

    accelerator: Literal["cpu", "gpu", "mps", "auto"]
    devices: Count
    strategy: str
    precision: Literal["32-true", "16-mixed", "bf16-mixed"]
    max_epochs: Count
    gradient_clip_val: Annotated[float, Field(ge=0)] | None
    limit_batches: Count | None
    threads: Count
    best_epoch_on: Literal["val", "test", "last"] = "val"
    save_every_s: Annotated[float, Field(ge=0)]
    progress: bool


class StudyConfig(OpenSection):
    """The analysis of a sweep: a class derived from `Study`, and its settings."""

    target: DottedName


class Sweep(Section):
    """How a multirun is executed."""

    on_error: Literal["continue", "stop"]


class Search(Section):
    """How a trial of a search is scored."""

    folds: Annotated[int, Field(ge=2)] | None


class Config(Section):
    """The whole configuration of a run."""

    data: Data
    features: FeatureConfig
    slice: SliceConfig
    split: Split
    model: AnyModel
    regularization: Regularization
    optimizer: OptimizerConfig | None = None  # None in older runs: AdamW with a one-cycle schedule
    scheduler: SchedulerConfig | None = None
    augmentation: Augmentation
    trainer: TrainerConfig
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    search: Search = Search(folds=None)
    sweep: Sweep = Sweep(on_error="continue")
    study: StudyConfig | None
    rerun: bool
    reuse: Literal["same_code", "always", "never"] = "same_code"
    logger: dict[str, dict[str, Any]] = {}
    callbacks: dict[str, dict[str, Any]] = {}
    ckpt_path: str | None = None
    tags: list[str] = []
    task_name: str = "gtzan"
    outputs: str
    cache_dir: str | None

    @property
    def whole_clips(self) -> bool:
        """Whether a feature row holds the statistics of a whole clip of any length."""
        return self.features.name == "stats" and self.features.row_s(self.slice.step_s) == WHOLE_CLIP_S

    @property
    def leaks_by_design(self) -> frozenset[str]:
        """Checks of the audit that the run fails on purpose, to measure the effect of the leak."""
        normalisation = ["normalisation"] if self.features.scaling_fitted_on == "all" else []
        return frozenset([*normalisation, *(["epoch selection"] if self.trainer.best_epoch_on == "test" else [])])


def validate_config(cfg: DictConfig, overrides: Sequence[str] = (), choices: dict[str, str] | None = None) -> Config:
    """Validates a composed configuration.

    Args:
        cfg: as composed by Hydra.
        overrides: the command line, to report where a value was set.
        choices: the selected member of each group, to report the file that set a value.

    Raises:
        GtzanError: lists every mistake, one per line: key, value, what is allowed, where it was set.
    """
    values: Any = OmegaConf.to_container(cfg, resolve=True)
    values.pop("hydra", None)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        lines = mistakes(error, overrides, choices or {})
        raise GtzanError("\n".join(["The configuration cannot be used:", *lines])) from error
