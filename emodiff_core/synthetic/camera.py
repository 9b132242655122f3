"""The camera: exposure, white balance, tone, lens blur, sensor noise, compression."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.synthetic.people import Person

Floats = NDArray[np.float32]
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Camera:
    """exposure: factor on linear light; balance: (3,); contrast: strength of the tone curve; blur: sigma over width;
    noise: standard deviation at mid grey in 1/255; quality: JPEG quality, 100 is none; seed: of the noise."""

    exposure: float
    balance: Floats
    contrast: float
    blur: float
    noise: float
    quality: int
    seed: int


def camera_of(person: Person) -> Camera:
    """The camera a person is filmed with: from clean to a webcam."""
    rng = person.rng("camera")
    poor = float(rng.random() ** 2)
    return Camera(
        exposure=float(rng.uniform(0.78, 1.12)),
        balance=(1 + rng.normal(0, 0.03, 3)).astype(np.float32),
        contrast=float(rng.uniform(0.15, 0.6)),
        blur=0.0035 * poor * float(rng.random()),
        noise=0.6 + 4.0 * poor * float(rng.random()),
        quality=100 if rng.random() < 0.5 else int(rng.integers(60, 96)),
        seed=person.seed,
    )


def clean(camera: Camera) -> Camera:
    """The same exposure and colours without blur, noise and compression."""
    return Camera(camera.exposure, camera.balance, camera.contrast, 0.0, 0.0, 100, camera.seed)


def develop(light: Floats, camera: Camera, frame: int) -> Image:
    """A picture (H, W, 3) uint8 of linear light; noise differs by frame, deterministically."""
    exposed = light * (camera.exposure * camera.balance)
    if camera.blur * light.shape[1] > 0.2:
        exposed = cv2.GaussianBlur(exposed, (0, 0), camera.blur * light.shape[1])
    value = np.sqrt(_film(exposed))
    value = value * (1 + camera.contrast * (value - 0.5) * (1 - value) * 2)
    if camera.noise > 0.05:
        rng = np.random.default_rng([camera.seed, frame, 3])
        grain = rng.standard_normal((*light.shape[:2], 1), dtype=np.float32)
        tint = rng.standard_normal(light.shape, dtype=np.float32)
        value = value + (0.8 * grain + 0.5 * tint) * np.float32(camera.noise / 255)
    picture = (np.clip(value, 0, 1) * 255 + 0.5).astype(np.uint8)
    return _compressed(picture, camera.quality) if camera.quality < 100 else picture


def _film(light: Floats) -> Floats:
    """Linear below 0.6, then a shoulder, so that highlights roll off; about gamma 2 is left to the caller's root."""
    over = np.maximum(light - 0.6, 0)
    return (np.minimum(light, 0.6) + 0.4 * (1 - np.exp(-over / 0.4))).clip(0, 1).astype(np.float32)


def _compressed(picture: Image, quality: int) -> Image:
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.cvtColor(_decoded(data), cv2.COLOR_BGR2RGB), np.uint8)


def _decoded(data: Image) -> Image:
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert picture is not None, "OpenCV reads what it wrote"
    return np.asarray(picture, np.uint8)
