import cv2
import numpy as np
import pytest
import skimage.data

from emodiff_core.faces.choose import FaceModels
from emodiff_core.faces.crop import rectangle, unfit
from emodiff_core.faces.track import BRIDGE, Tracker, smoothed, track_of
from infra.models import model_path

SIZE = (360, 400)


@pytest.fixture(scope="module")
def models():
    return FaceModels(model_path("face_detection"), model_path("face_landmark_attention"))


def moved(k):
    """The photograph with its head swaying: frame k, and the affine that made it."""
    matrix = cv2.getRotationMatrix2D((225, 130), 6 * np.sin(k / 9), 1 + 0.05 * np.sin(k / 13))
    matrix[:, 2] += (12 * np.sin(k / 11), 5 * np.cos(k / 7))
    return cv2.warpAffine(skimage.data.astronaut(), matrix, SIZE[::-1], borderMode=cv2.BORDER_REPLICATE), matrix


@pytest.fixture(scope="module")
def clip(models):
    """40 noisy frames of it, one of them black and a long gap at the end, followed by a tracker."""
    rng = np.random.default_rng(0)
    tracker, meshes, matrices = Tracker(models), [], []
    for k in range(40):
        frame, matrix = moved(k)
        if k == 12 or k >= 34:
            frame = np.full_like(frame, 60)
        meshes.append(tracker(np.clip(frame + rng.normal(size=frame.shape) * 4, 0, 255).astype(np.uint8)))
        matrices.append(matrix)
    return meshes, matrices


def test_the_track_follows_the_head_without_lag(clip):
    meshes, matrices = clip
    track = track_of(meshes, 25.0)
    still = np.array(
        [np.linalg.inv(m[:, :2]) @ (p[:, :2] - m[:, 2]).T for m, p in zip(matrices, track.points, strict=True)]
    )
    good = [k for k in range(34) if k != 12]
    middle = still.mean(2)[good]
    assert np.abs(middle - np.median(middle, 0)).mean() < 0.5, "pixels, with the head's own motion taken out"
    speed = np.gradient(np.array([m[:, 2] for m in matrices]), axis=0)[good]
    late = (middle - middle.mean(0)).ravel() @ speed.ravel() / (speed.ravel() @ speed.ravel())
    assert abs(late) < 0.15, "frames"


def test_smoothing_takes_the_jitter_and_leaves_the_points_where_they_are(clip):
    meshes, _ = clip
    raw = np.stack([mesh.points for mesh in meshes[:12]])
    calm = smoothed(raw, 25.0)
    shake = [float(np.square(np.diff(points[..., :2], n=2, axis=0)).mean()) for points in (raw, calm)]
    assert shake[1] < 0.7 * shake[0]
    assert np.abs(calm - raw)[..., :2].mean() < 0.35


def test_a_short_gap_is_bridged_and_a_long_one_is_not(clip):
    meshes, _ = clip
    track = track_of(meshes, 25.0)
    assert meshes[12] is None
    assert track.found[12] and track.presence[12] == 0
    assert not track.found[34:].any()
    assert len(track.found) - 34 > BRIDGE
    assert np.isfinite(track.points).all()


def test_a_clip_without_a_face_has_no_track(models):
    tracker = Tracker(models)
    assert track_of([tracker(np.full((200, 200, 3), 90, np.uint8)) for _ in range(3)], 25.0) is None


def test_the_crop_is_whole_pixels_inside_the_picture_and_holds_every_frame(clip):
    meshes, _ = clip
    points = np.stack([mesh.points for mesh in meshes if mesh])
    x, y, w, h = rectangle(points, SIZE)
    assert min(x, y) >= 0 and x + w <= SIZE[1] and y + h <= SIZE[0]
    assert (points[..., 0] > x + 10).all() and (points[..., 0] < x + w - 10).all()
    assert (points[..., 1] > y + 10).all() and (points[..., 1] < y + h - 10).all()


def test_faces_that_cannot_be_worked_on_are_named(clip):
    points = clip[0][0].points
    assert unfit(points, SIZE, 48) is None
    assert unfit(points, SIZE, 200) == "FACE_TOO_SMALL"
    assert unfit(points - np.float32([230, 0, 0]), SIZE, 48) == "FACE_CUT_OFF"
    turned = points.copy()
    turned[:, 2] += 3 * (points[:, 0].mean() - points[:, 0])
    assert unfit(turned, SIZE, 48) == "FACE_TURNED_AWAY"
