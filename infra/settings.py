"""Every setting, typed, with unit, default and reason.

`Settings()` is the defaults alone; `infra.origins.load` lays file, environment and flags over them. To add a field, add
one line to its group: `setting(default, reason, unit=..., pixels=(stages whose output it changes))`.
"""

import os
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

STAGES = ("crop", "expression", "audio", "generate", "mux", "check")


def setting(default: Any, reason: str, *, unit: str = "", pixels: tuple[str, ...] = (), **limits: Any) -> Any:
    """One field. reason: what it does and why this default; pixels: stages that have it in their fingerprint."""
    return Field(default, description=reason, json_schema_extra={"unit": unit, "pixels": list(pixels)}, **limits)


def _rate(value: object) -> str:
    """A frame rate as `numerator/denominator`; 29.97 and 23.976 mean the NTSC fractions."""
    rate = Fraction(str(value))
    ntsc = Fraction(round(rate * Fraction(1001, 1000)) * 1000, 1001)
    rate = ntsc if rate.denominator != 1 and abs(rate - ntsc) < Fraction(1, 200) else rate
    if not 1 <= rate <= 240:
        raise ValueError("a frame rate lies between 1 and 240")
    return f"{rate.numerator}/{rate.denominator}"


Rate = Annotated[str, BeforeValidator(_rate)]


class Group(BaseModel):
    """A branch of the tree: frozen, unknown names refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Picture(Group):
    """What is delivered where the source says nothing: a portrait's rate."""

    rate: Rate = setting(
        "25/1",
        "Frame rate of a portrait's video; footage keeps its own",
        unit="fps",
        pixels=("generate", "mux", "check"),
    )


class Media(Group):
    """Limits of what is opened. The names are those of emodiff_core.media.Limits."""

    min_side: int = setting(64, "Shorter side of a picture or video: no face fits below it", unit="pixels", ge=1)
    max_side: int = setting(16384, "Longer side: H.264 and most decoders end there", unit="pixels", ge=64)
    max_pixels: int = setting(100_000_000, "Width times height: 300 MB of RGB", unit="pixels", ge=4096)
    max_seconds: float = setting(4 * 3600.0, "Length of a video or sound: WAV ends near 6 h", unit="s", gt=0, le=20000)
    deinterlace: bool = setting(
        False,
        "Make whole frames of interlaced ones (bwdif, as many frames as before) instead of refusing them",
        pixels=("crop", "mux"),
    )


class Crop(Group):
    """Which faces are large and sure enough to be rendered."""

    min_face_pixels: int = setting(
        48, "Faces narrower than this are refused: the mesh is a guess below it", unit="pixels", pixels=("crop",), ge=16
    )


class Expression(Group):
    """How a face is read into codes."""

    head: str = setting(
        "builtin",
        "Head that is fitted: builtin, or a path: ICT-FaceKit's folder or head.npz, a FLAME 2020 or 2023 file",
        pixels=("expression", "generate"),
    )
    # No pixels: which reader it is shows in the fingerprint as DECA's digests, and `auto` is settled before that.
    codes: Literal["auto", "mesh", "deca"] = setting(
        "auto",
        "Who reads expressions: mesh, the fit to the face mesh; deca; auto: deca where its weights are and may be used",
    )


class Audio(Group):
    """How the dialogue is heard."""

    features: str = setting(
        "log-mel", "log-mel, or a folder or hub name of a wav2vec2 or HuBERT model", pixels=("audio", "generate")
    )
    min_seconds: float = setting(0.2, "Shorter speech is an accident: no syllable fits", unit="s", ge=0.05)
    silence_dbfs: float = setting(-60.0, "A track that never passes this is silent: room tone lies lower", unit="dBFS")


class Generate(Group):
    """How new faces are rendered."""

    weights: str = setting("builtin", "builtin, or the folder of a saved generator", pixels=("generate",))
    emotion: str = setting(
        "builtin",
        "builtin, or the folder of a saved emotion model; audio.features names what it was trained to hear",
        pixels=("generate",),
    )
    mouth_bank: bool = setting(
        True,
        "Footage: teeth and tongue as the person's other frames show them; 0 to 3 dB better mouths, no more flicker",
        pixels=("generate",),
    )
    steps: int = setting(
        1,
        "Sampler steps a frame; time grows with it, and the built-in model is best at one",
        unit="steps",
        pixels=("generate",),
        ge=1,
        le=50,
    )
    batch: int = setting(
        8,
        "Frames in a forward pass, padded: most of the gain is there at 8",
        unit="frames",
        pixels=("generate",),
        ge=1,
        le=512,
    )
    guidance_audio: float = setting(
        1.0, "Weight of the speech over no speech; 1 is plain", pixels=("generate",), ge=0, le=10
    )
    guidance_emotion: float = setting(
        1.0, "Weight of the emotion over none; 1 is plain", pixels=("generate",), ge=0, le=10
    )
    span_seconds: float = setting(
        4.0,
        "Length aimed at for a span: what is lost when a worker dies",
        unit="s",
        pixels=("generate",),
        ge=0.5,
        le=60,
    )


Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]


class Mux(Group):
    """How the deliverable is put together and encoded."""

    delivery: Literal["auto", "h264", "hevc", "prores", "ffv1"] = setting(
        "auto",
        "What footage leaves as: H.264 or HEVC in MP4, ProRes 422 HQ in MOV, FFV1 in MKV; auto: its source's family",
        pixels=("mux",),
    )
    original: Literal["beside", "replaced"] = setting(
        "beside", "Footage's own sound: kept beside the dub, which is the default track, or replaced", pixels=("mux",)
    )
    crf: int = setting(16, "Constant rate factor of a portrait; 16 is visually lossless", pixels=("mux",), ge=0, le=51)
    footage_qp: int = setting(
        8,
        "Quantiser of footage in H.264 and HEVC: at 8 its own pixels stay within 50 dB whatever its grain, at 0 exact",
        pixels=("mux",),
        ge=0,
        le=51,
    )
    preset: Preset = setting("veryfast", "x264 and x265 preset: slower is smaller, not better", pixels=("mux",))
    audio_bitrate: str = setting(
        "192k", "AAC bit rate of the sound", unit="bit/s", pixels=("mux",), pattern=r"^[1-9]\d*k?$"
    )
    threads: int = setting(
        2, "Of x264: the bytes depend on it, so it does not follow the machine", unit="threads", pixels=("mux",), ge=1
    )
    max_side: int = setting(
        3840, "A larger portrait is scaled down to this: players end near 4K", unit="pixels", pixels=("mux",), ge=64
    )
    music_db: float = setting(
        0.0,
        "Gain of the music stem under the speech; stems come at mix level",
        unit="dB",
        pixels=("mux",),
        ge=-60,
        le=20,
    )
    ffmpeg: str = setting("auto", "auto: the installed ffmpeg if it has libx264, else the bundled one; bundled; a path")


class Check(Group):
    """What a deliverable must reach."""

    offset_ms: float = setting(
        45.0, "Sound may start this far from the picture (EBU R 37)", unit="ms", pixels=("check",), ge=0
    )
    min_face_found: float = setting(
        0.95, "Share of rendered frames in which the mesh must find a face", pixels=("check",), ge=0, le=1
    )
    min_lip_correlation: float = setting(
        0.15, "Lip activity against speech activity; unrelated tracks lie near 0", pixels=("check",), ge=-1, le=1
    )
    max_lip_lag_ms: float = setting(
        125.0,
        "Lips may lie this far from the speech; viewers see 125 ms late (ITU-R BT.1359)",
        unit="ms",
        pixels=("check",),
        ge=0,
    )
    min_lip_motion: float = setting(
        0.006,
        "Spread of the mouth's opening in speech; a still face's mesh jitters by .004, a sad one's lips move by .008",
        unit="eye distances",
        pixels=("check",),
        ge=0,
    )
    max_rest_motion: float = setting(
        0.6, "Spread of the opening in silence over that in speech", pixels=("check",), ge=0, le=10
    )


class Pool(Group):
    """Workers that host the same stages."""

    stages: tuple[str, ...] = setting((), "Stages whose models are loaded in each worker of this pool")
    count: int = setting(1, "Workers that are started, each with its models loaded", unit="processes", ge=0)
    cpus: float = setting(1.0, "Ray CPUs a worker asks for", unit="cores", ge=0)
    gpus: float = setting(0.0, "Ray GPUs a worker asks for; a fraction shares one", unit="GPUs", ge=0)
    threads: int = setting(1, "Threads of the numeric libraries in a worker", unit="threads", ge=1)


class Workers(Group):
    """Who does the work, how many, and how often it is tried."""

    pools: dict[str, Pool] = setting(
        {
            "media": {"stages": ("crop", "audio", "mux", "check")},
            # Each uses one thread best (a second one stalls when cores are busy), so cores mean workers.
            "model": {"stages": ("expression", "generate"), "count": min(2, os.cpu_count() or 1)},
        },
        "Which stages share a worker, and what it asks for; a pool without stages is left out",
    )
    address: str | None = setting(None, "Ray cluster to join, such as auto; empty: Ray starts and ends with the batch")
    in_flight: int = setting(2, "Items a worker holds, so that it never waits for the driver", unit="items", ge=1)
    deaths: int = setting(3, "Worker deaths on one item before it is tried once more, alone; then it is poison", ge=1)
    tries: int = setting(3, "Tries of an item whose surroundings failed (storage, memory, time)", ge=1)
    backoff_s: float = setting(2.0, "Wait before the second try; doubles, and varies by half", unit="s", ge=0)
    timeout_s: float = setting(3600.0, "Longest that one item of one stage may take", unit="s", gt=0)

    @field_validator("pools")
    @classmethod
    def _without_empty(cls, pools: dict[str, Pool]) -> dict[str, Pool]:
        return {name: pool for name, pool in pools.items() if pool.stages}

    @model_validator(mode="after")
    def _every_stage_has_one_pool(self) -> "Workers":
        hosted = [stage for pool in self.pools.values() for stage in pool.stages]
        wrong = {s for s in STAGES if hosted.count(s) != 1} | (set(hosted) - set(STAGES))
        if wrong:
            raise ValueError(f"every stage belongs to exactly one pool; wrong: {', '.join(sorted(wrong))}")
        return self


class Storage(Group):
    """How S3 is reached."""

    endpoint: str | None = setting(None, "Address of an S3-compatible server; empty means AWS", unit="URL")
    anonymous: bool = setting(False, "Read public buckets without credentials")
    cache: str | None = setting(None, "Local folder for copies of remote files; empty: under the user's cache")
    cache_gib: float = setting(
        100.0, "Largest size of these copies: the longest unused go; a tenth of the disk stays free", unit="GiB", ge=0
    )
    retries: int = setting(5, "Tries of one storage call before it is a STORAGE error", ge=1, le=20)
    timeout_s: float = setting(60.0, "Longest that a storage call may be silent", unit="s", gt=0)


class Prefect(Group):
    """How a batch is shown to Prefect."""

    jobs_per_flow: int = setting(500, "Jobs in one sub-flow: large flows lose task records", unit="jobs", ge=1)
    cancel_s: float = setting(
        20.0,
        "Longest that a cancel or SIGTERM waits for what runs: Prefect's worker and Kubernetes kill after 30 s",
        unit="s",
        ge=0,
    )


def cache_folder() -> str:
    """The user's cache: EMODIFF_CACHE, else emodiff under XDG_CACHE_HOME or ~/.cache."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return os.environ.get("EMODIFF_CACHE") or str(base / "emodiff")


class Models(Group):
    """Where model files come from."""

    cache: str = Field(
        default_factory=cache_folder,
        description="Folder where fetched models lie; EMODIFF_CACHE names it too",
        json_schema_extra={"unit": "path", "pixels": []},
    )
    source: str | None = setting(
        None, "A local mediapipe wheel, or a folder of model files, instead of the package index", unit="path"
    )


class Run(Group):
    """What a batch is for."""

    use: Literal["any", "commercial", "research"] = setting(
        "any", "What the output is for: a model whose licence does not cover it is refused; any takes only free ones"
    )


class Log(Group):
    """What is said while it runs."""

    level: Literal["debug", "info", "warning", "error"] = setting("info", "Least level that is written")
    format: Literal["auto", "human", "json"] = setting("auto", "auto: human on a terminal, JSON lines otherwise")


class Settings(BaseSettings):
    """The whole tree. Frozen; travels to workers as it is, so that they never read their own environment."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="EMODIFF_", env_nested_delimiter="__", validate_default=True
    )

    picture: Picture = Picture()
    media: Media = Media()
    crop: Crop = Crop()
    expression: Expression = Expression()
    audio: Audio = Audio()
    generate: Generate = Generate()
    mux: Mux = Mux()
    check: Check = Check()
    workers: Workers = Workers()
    storage: Storage = Storage()
    prefect: Prefect = Prefect()
    models: Models = Field(default_factory=Models)
    run: Run = Run()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def pixels(settings: Settings, stage: str) -> dict[str, Any]:
    """The settings that change what a stage makes, as dotted path to JSON value: its share of the fingerprint."""
    found: dict[str, Any] = {}
    for group in Settings.model_fields:
        branch = getattr(settings, group)
        for name, info in type(branch).model_fields.items():
            extra = info.json_schema_extra
            if isinstance(extra, dict) and stage in (extra.get("pixels") or []):
                found[f"{group}.{name}"] = branch.model_dump(mode="json")[name]
    return found
