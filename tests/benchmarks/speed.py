"""What each part of the face in 3D costs, and memory over many frames.

`python -m tests.benchmarks.speed [FRAMES]`: a table of CPU milliseconds on one thread, and where FRAMES is given the
resident memory while so many frames go through mesh, fit and warp.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import psutil
import skimage.data
import torch

from emodiff_core.codes import ARKIT
from emodiff_core.deca import DecaEncoder
from emodiff_core.faces.choose import FaceModels
from emodiff_core.faces.detect import detect
from emodiff_core.faces.mesh import mesh_of, window_of_points
from emodiff_core.faces.track import Tracker
from emodiff_core.faces.warp import Warper
from emodiff_core.fit import fit_clip
from emodiff_core.flame import load_builtin
from emodiff_core.raster import rasterize
from emodiff_core.raster_batch import rasterize_batch
from infra.models import model_path

SIDE = 256
CLIP = 250  # frames that are fitted together


def table(repeats: int = 20) -> Iterator[tuple[str, float]]:
    """Name and CPU milliseconds a frame of each part, on a real photograph."""
    models = FaceModels(model_path("face_detection"), model_path("face_landmark_attention"))
    picture, head = skimage.data.astronaut(), load_builtin()
    mesh = Tracker(models)(picture)
    assert mesh is not None and mesh.irises is not None
    window = window_of_points(mesh.points)
    yield "detect", _cost(lambda: detect(models.detector, picture), repeats)
    yield "mesh, one look", _cost(lambda: mesh_of(model_path("face_landmark"), picture, window, False), repeats)
    yield "attention mesh, one look", _cost(lambda: mesh_of(models.mesh, picture, window, False), repeats)
    yield "attention mesh and its mirror image", _cost(lambda: mesh_of(models.mesh, picture, window), repeats)
    points, irises = np.repeat(mesh.points[None], CLIP, 0), np.repeat(mesh.irises[None], CLIP, 0)
    points = points + np.random.default_rng(0).normal(0, 0.3, points.shape).astype(np.float32)
    yield f"fit, a frame of {CLIP}", _cost(lambda: fit_clip(points, head, irises=irises), 1) / CLIP
    crop = cv2.resize(picture[40:240, 120:320], (SIDE, SIDE))
    seen = Tracker(models)(crop)
    assert seen is not None
    codes = fit_clip(seen.points[None], head)
    vertices, faces = head.posed(codes)[0], head.faces.numpy()
    yield f"raster, {len(faces)} triangles, {SIDE} px", _cost(lambda: rasterize(vertices, faces, (SIDE, SIDE)), repeats)
    pair = torch.tensor(np.stack([vertices] * 8)), torch.tensor(faces)
    yield "raster, 8 frames in one batch (torch)", _cost(lambda: rasterize_batch(*pair, (SIDE, SIDE)), 2) / 8
    goal = codes.expression.copy()
    goal[0, ARKIT.index("jawOpen")] = 0.4
    warper, there = Warper(crop, codes, head), codes.moved(goal)
    yield f"warp, {SIDE} px", _cost(lambda: warper(there), repeats)
    encoder, eight = DecaEncoder().eval(), torch.rand(8, 3, 224, 224)
    yield "DECA's encoder, a frame of 8", _cost(lambda: encoder.codes(eight), 2) / 8


def _cost(work: Callable[[], object], repeats: int) -> float:
    work()
    begin = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - begin) / repeats * 1000


def memory(frames: int) -> Iterator[tuple[int, float]]:
    """Frames done and resident MiB, twenty times on the way: every frame through mesh, fit and warp."""
    models = FaceModels(model_path("face_detection"), model_path("face_landmark_attention"))
    head, tracker, process = load_builtin(), Tracker(models), psutil.Process()
    picture = cv2.resize(skimage.data.astronaut()[20:260, 100:340], (192, 192))
    first = tracker(picture)
    assert first is not None
    codes = fit_clip(first.points[None], head)
    warper, points, irises = Warper(picture, codes, head), [], []
    for k in range(frames):
        angle = 0.08 * np.sin(k / 20)
        matrix = cv2.getRotationMatrix2D((96, 96), float(np.degrees(angle)), 1.0)
        mesh = tracker(cv2.warpAffine(picture, matrix, (192, 192), borderMode=cv2.BORDER_REPLICATE))
        assert mesh is not None and mesh.irises is not None
        points.append(mesh.points)
        irises.append(mesh.irises)
        if len(points) == CLIP:
            codes = fit_clip(np.stack(points), head, irises=np.stack(irises))
            for one in range(CLIP):
                warper(codes.frames(slice(one, one + 1)))
            points, irises = [], []
        if (k + 1) % max(frames // 20, 1) == 0:
            gc.collect()
            yield k + 1, process.memory_info().rss / 2**20


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    for name, cost in table():
        print(f"{name:40} {cost:8.2f} ms {1000 / cost:9.0f} frames/s", flush=True)
    if len(sys.argv) > 1:
        for frames, mib in memory(int(sys.argv[1])):
            print(f"{frames:8} frames {mib:8.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
