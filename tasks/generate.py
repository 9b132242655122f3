"""Generate: one span of a job rendered by the diffusion model."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from emodiff_core.audio import ROWS
from emodiff_core.codes import Codes
from emodiff_core.emotion import EmotionModel, cue_weights, load_builtin_emotion
from emodiff_core.faces.choose import FaceModels
from emodiff_core.flame import HeadModel
from emodiff_core.generator.bank import MouthBank
from emodiff_core.generator.conditions import audio_tokens
from emodiff_core.generator.renderer import BUILTIN, load_renderer
from emodiff_core.generator.span import Finished, Renderer, render_span
from emodiff_core.generator.target import at_rest, eased, portrait, revoiced
from emodiff_core.media import Limits, LosslessWriter, read_lossless
from emodiff_core.refusal import Refusal
from emodiff_core.synthetic.motion import Motion, head_motion
from emodiff_core.synthetic.visemes import lip_gap
from infra.models import model_path
from infra.settings import Settings
from tasks.cues import read_cues
from tasks.driving import driven
from tasks.heads import head_of
from tasks.hearing import Sound, rows_around
from tasks.jobs import Emotion
from tasks.mouths import mouth_bank
from tasks.stage import Item, Result, Span
from tasks.track_file import read_track
from tasks.tracks import Shot, read_shot

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]


class Generate:
    """Renders the frames of one span: take.mkv, mask.mkv and take.parquet."""

    name: ClassVar[str] = "generate"
    version: ClassVar[str] = "6"

    def setup(self, settings: Settings) -> None:
        """Load the generator, the emotion model and the head."""
        self.head: HeadModel = head_of(settings.expression.head)
        own = settings.generate
        builtin = own.emotion == "builtin"
        self.emotion = load_builtin_emotion() if builtin else EmotionModel.load(Path(own.emotion).expanduser())
        self.renderer: Renderer = load_renderer(
            BUILTIN if own.weights == "builtin" else Path(own.weights),
            own.batch,
            own.steps,
            own.guidance_audio,
            own.guidance_emotion,
        )

    def run(self, item: Item) -> Result:
        """Render item.span."""
        assert item.span is not None
        shot = read_shot(item)
        sound = Sound(item.inputs["audio"])
        target = self._target(item, shot, sound, item.span)
        rows = slice(item.span.start, item.span.end)
        here = slice(None) if shot.still else rows
        pictures = list(read_lossless(shot.crops, 0 if shot.still else rows.start, 1 if shot.still else rows.stop))
        frames = render_span(
            pictures,
            shot.codes.frames(here),
            target,
            _tokens(sound, shot.times, item.span),
            self.head,
            self.renderer,
            seed=item.job.seed * 1_000_003 + item.span.start,
            first=rows.start,
            rendered=shot.needs.rendered[rows],
            bank=self._bank(item, shot, rows.start),
        )
        share = _write(item.out, _faded(frames, pictures, shot.needs.weight[rows]))
        _write_codes(item.out / "take.parquet", target, shot.times[rows], shot.needs.kind[rows], rows.start)
        return Result(figures={"frames": float(rows.stop - rows.start), "changed": share})

    def _bank(self, item: Item, shot: Shot, frame: int) -> MouthBank | None:
        """The views of the mouth in the shot of a frame, where they are asked for."""
        if shot.still or not item.settings.generate.mouth_bank:
            return None
        track = read_track(item.inputs["crop"], landmarks=False)
        return mouth_bank(shot, self.head, track.shots, track.fit, frame)

    def _target(self, item: Item, shot: Shot, sound: Sound, span: Span) -> Codes:
        """Codes of the span's frames, from the sound it hears and nothing else of the track's, see `tasks.hearing`."""
        rows = slice(span.start, span.end)
        hears = rows_around(shot.times, span, sound.count)
        digest = self.emotion.network.shape.digest
        _refuse_other_features(digest, sound.digest)
        path = self.emotion.trajectory(
            sound.rows("features" if digest else "mel", hears),
            sound.rows("activity", hears),
            shot.times[rows] - hears.start / ROWS,
            _weights(item, shot.times[rows]),
            first=hears.start,
        )
        if not shot.still:
            emotion = None if item.job.emotion is Emotion.SOURCE else path.emotion
            own = shot.codes.frames(rows)
            return eased(own, revoiced(own, path.speech, emotion), shot.needs.weight[rows])
        motion = _motion(item, shot, sound.rows("activity"), self.head)
        expression = at_rest(shot.codes, np.clip(path.total + motion.eyes[rows], 0, 1))
        return portrait(shot.codes, self.head, expression, motion.rotation[rows], motion.translation[rows])


def _refuse_other_features(wanted: str, there: str) -> None:
    if wanted and wanted != there:
        have = f"those of {there[:12]}" if there else "log-mel alone"
        message = f"the emotion model reads a speech model's features ({wanted[:12]}), and the speech has {have}"
        raise Refusal("FEATURES", message, "set audio.features to the model that its card names")


def _tokens(sound: Sound, times: NDArray[np.float64], span: Span) -> Floats:
    """What the generator hears of a span's frames."""
    rows = rows_around(times, span, sound.count)
    return audio_tokens(sound.rows("mel", rows), times[span.start : span.end], rows.start)


def _weights(item: Item, times: NDArray[np.float64]) -> Floats:
    """(N, 8) how much of each emotion at each frame."""
    emotion = Emotion.NEUTRAL if item.job.emotion is Emotion.SOURCE else item.job.emotion
    cues = read_cues(item.inputs["cues"]) if "cues" in item.inputs else []
    spans = [(c.start, c.end, str(c.emotion), c.intensity, c.ramp_in, c.ramp_out) for c in cues]
    return cue_weights(times, str(emotion), item.job.intensity, spans)


def _motion(item: Item, shot: Shot, activity: Floats, head: HeadModel) -> Motion:
    if "motion" not in item.inputs:
        return head_motion(item.job.motion, shot.times, activity, item.job.seed)
    mesh = model_path("face_landmark_attention", item.settings)
    models = FaceModels(model_path("face_detection", item.settings), mesh)
    limits = Limits(**item.settings.media.model_dump())
    return driven(item.inputs["motion"], shot.times, models, head, limits)


def _faded(frames: Iterator[Finished], pictures: list[Picture], weight: Floats) -> Iterator[Finished]:
    """Frames whose pixels too pass into the source's, in the last third of the way, where both faces are nearly one."""
    for row, frame in enumerate(frames):
        share = np.float32(min(1.0, 3 * float(weight[row])))
        if share in (0, 1):
            yield frame
            continue
        own = pictures[row].astype(np.float32)
        image = np.round(own + share * (frame.image - own)).astype(np.uint8)
        yield Finished(image, np.where((image != pictures[row]).any(-1), frame.mask, 0).astype(np.uint8))


def _write(out: Path, frames: Iterator[Finished]) -> float:
    """Both films, and the mean share of pixels that changed."""
    shares = []
    with LosslessWriter(out / "take.mkv") as take, LosslessWriter(out / "mask.mkv") as mask:
        for frame in frames:
            take.write(frame.image)
            mask.write(frame.mask)
            shares.append(float((frame.mask > 0).mean()))
    return float(np.mean(shares))


def _write_codes(path: Path, target: Codes, times: NDArray[np.float64], kind: tuple[str, ...], first: int) -> None:
    table = pa.table(
        {
            "frame": pa.array(range(first, first + len(target)), pa.int32()),
            "time": pa.array(times, pa.float64()),
            "expression": pa.array(list(target.expression), pa.list_(pa.float32())),
            "mouth_opening": pa.array(lip_gap(target.expression), pa.float32()),
            "need": pa.array(kind, pa.string()),
        }
    )
    pq.write_table(table, path)
