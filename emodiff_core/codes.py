"""Codes: what a fit says of a face, frame by frame, in the space of one head."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ARKIT = (
    "browDown_L", "browDown_R", "browInnerUp_L", "browInnerUp_R", "browOuterUp_L", "browOuterUp_R",
    "cheekPuff_L", "cheekPuff_R", "cheekSquint_L", "cheekSquint_R", "eyeBlink_L", "eyeBlink_R",
    "eyeLookDown_L", "eyeLookDown_R", "eyeLookIn_L", "eyeLookIn_R", "eyeLookOut_L", "eyeLookOut_R",
    "eyeLookUp_L", "eyeLookUp_R", "eyeSquint_L", "eyeSquint_R", "eyeWide_L", "eyeWide_R",
    "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimple_L", "mouthDimple_R",
    "mouthFrown_L", "mouthFrown_R", "mouthFunnel", "mouthLeft", "mouthLowerDown_L", "mouthLowerDown_R",
    "mouthPress_L", "mouthPress_R", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthSmile_L", "mouthSmile_R", "mouthStretch_L", "mouthStretch_R",
    "mouthUpperUp_L", "mouthUpperUp_R", "noseSneer_L", "noseSneer_R",
)  # fmt: skip
"""The 53 expression names, in ICT-FaceKit's order. A code means the same on every head of this project.
_L is the subject's left (picture right in a frontal view). Values 0 to 1."""


@dataclass(frozen=True)
class Codes:
    """N frames of one face on one head.

    head: name of the HeadModel; shape: (S,) identity coefficients, about N(0, 1), one per clip;
    expression: (N, E) in [0, 1] for `arkit`; rotation: (N, 3) axis-angle in radians;
    camera: (N, 3) weak perspective: scale in pixels per centimetre, tx, ty in pixels of the upright picture;
    residual: (468, 3) centimetres in head space, what the head could not say of this person's face-mesh points;
    sigma: (N, E) standard deviation of each expression code as the fit sees it.

    A head point v (centimetres; x to the picture's right, y up, z to the viewer) lands at
    x = s*(R v).x + tx, y = -s*(R v).y + ty, depth = s*(R v).z, larger is nearer.
    """

    head: str
    shape: Floats
    expression: Floats
    rotation: Floats
    camera: Floats
    residual: Floats
    sigma: Floats

    def __len__(self) -> int:
        return len(self.expression)

    def frames(self, index: slice | NDArray[np.intp]) -> "Codes":
        """The same face at some of the frames."""
        return replace(
            self,
            expression=self.expression[index],
            rotation=self.rotation[index],
            camera=self.camera[index],
            sigma=self.sigma[index],
        )

    def moved(self, expression: Floats, rotation: Floats | None = None, camera: Floats | None = None) -> "Codes":
        """The same person in another expression (N, E) and, where given, pose; a single pose is repeated over N."""
        n = len(expression)
        return replace(
            self,
            expression=expression.astype(np.float32),
            rotation=np.broadcast_to(self.rotation if rotation is None else rotation, (n, 3)).astype(np.float32),
            camera=np.broadcast_to(self.camera if camera is None else camera, (n, 3)).astype(np.float32),
            sigma=np.zeros_like(expression, dtype=np.float32),
        )
