"""LiteRT models (tflite files), opened once per process and run on one thread."""

from functools import cache
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from emodiff_core.refusal import Refusal

Floats = NDArray[np.float32]


def run_model(model: Path, picture: Floats) -> tuple[Floats, ...]:
    """Every output of `model` for one input (H, W, 3) float32, in the model's order, each without its batch axis.

    Raises Refusal MODEL_UNREADABLE where the file is no tflite model.
    """
    interpreter, entry, exits = _opened(model)
    interpreter.set_tensor(entry, picture[None])
    interpreter.invoke()
    return tuple(interpreter.get_tensor(index)[0] for index in exits)


@cache
def _opened(model: Path) -> tuple[Interpreter, int, tuple[int, ...]]:
    try:
        interpreter = Interpreter(model_path=str(model), num_threads=1)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise Refusal("MODEL_UNREADABLE", f"{model.name}: {error}", "fetch the models again") from error
    outputs = sorted(interpreter.get_output_details(), key=lambda one: str(one["name"]))
    return interpreter, int(interpreter.get_input_details()[0]["index"]), tuple(int(o["index"]) for o in outputs)
