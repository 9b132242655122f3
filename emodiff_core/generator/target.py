"""Target codes: where the face goes, frame by frame, from what it shows, what it says and how it moves."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from emodiff_core.codes import ARKIT, Codes
from emodiff_core.faces.points import CHIN
from emodiff_core.flame import HeadModel

Floats = NDArray[np.float32]

VIEWER = 90.0
"""Distance of the camera in centimetres: what a nod towards it adds to the size."""

MOUTH = np.array([n.startswith(("jaw", "mouth", "cheekPuff")) for n in ARKIT])
"""(53,) the codes that speech owns."""

GAZE = np.array([n.startswith("eyeLook") for n in ARKIT])
"""(53,) where the eyes look: the picture's own, whatever is felt."""
BLINK = np.array([n.startswith("eyeBlink") for n in ARKIT])
WIDTH = np.array([n.startswith(("eyeWide", "eyeSquint")) for n in ARKIT])


def portrait(source: Codes, head: HeadModel, expression: Floats, rotation: Floats, translation: Floats) -> Codes:
    """A portrait set in motion.

    source: one frame; expression: (N, 53) absolute; rotation: (N, 3) radians and translation: (N, 3) centimetres,
    offsets of the head about its neck from the pose in the picture.
    """
    start = Rotation.from_rotvec(source.rotation[0])
    turned = Rotation.from_rotvec(rotation) * start
    neck = _neck(head)
    slip = start.apply(neck) - turned.apply(neck) + translation
    scale = source.camera[0, 0] * (1 + translation[:, 2] / VIEWER)
    camera = np.stack([scale, source.camera[0, 1] + scale * slip[:, 0], source.camera[0, 2] - scale * slip[:, 1]], 1)
    return source.moved(expression, turned.as_rotvec().astype(np.float32), camera.astype(np.float32))


def at_rest(source: Codes, shown: Floats) -> Floats:
    """(N, 53) shown with what of a picture's expression is the person's own under it: gaze, and how open lids are.

    source: one frame; shown: (N, 53). Eyes that are caught in a blink are opened; wide ones still shut in a blink.
    """
    own = source.expression
    kept = np.where(BLINK, own * np.clip((0.6 - own) / 0.2, 0, 1), own * (GAZE | WIDTH))
    shut = shown[:, BLINK].max(1, keepdims=True)
    return np.clip(shown + kept * np.where(WIDTH, 1 - shut, 1), 0, 1).astype(np.float32)


def revoiced(source: Codes, speech: Floats, emotion: Floats | None = None) -> Codes:
    """Footage with other words: speech (N, 53) takes the mouth, the rest of the face plays on.

    emotion: (N, 53) replaces the performance of the upper face too; None keeps the source's.
    """
    upper = source.expression if emotion is None else emotion
    upper = np.where(GAZE, source.expression, upper)
    expression = np.where(MOUTH, speech if emotion is None else np.clip(speech + emotion, 0, 1), upper)
    return source.moved(expression.astype(np.float32), source.rotation, source.camera)


def eased(source: Codes, target: Codes, weight: Floats) -> Codes:
    """Codes on the way from source to target, N frames each; weight: (N,) 0 is the source's own face, 1 the target's.

    Pose and camera are the target's: footage keeps its own in both.
    """
    expression = source.expression + weight[:, None] * (target.expression - source.expression)
    return target.moved(expression.astype(np.float32))


def _neck(head: HeadModel) -> Floats:
    """The joint that a head nods about: below and behind the chin, in head space, centimetres."""
    chin = head.landmarks(head.template[None])[0, CHIN].numpy()
    return np.array([0.0, chin[1] - 1.0, chin[2] - 10.0], np.float32)
