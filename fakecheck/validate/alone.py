"""`python -m fakecheck.validate.alone FOLDER`: a detector opened and run in a process of its own.

A graph that crashes its engine, or never ends, then ends nothing but that process; and how much
memory it takes can be told from what the process takes in all.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import fakecheck
from fakecheck.card import DetectorCard, load_card
from fakecheck.errors import FakecheckError, MissingDependencyError, PluginError

# A large graph takes seconds to open and under one to run; TensorFlow alone takes ten to import.
TIMEOUT_SECONDS = 300
ROUNDS = 5


@dataclass(frozen=True)
class Alone:
    """What was measured.

    `milliseconds` is the median time of one core that a face takes, of crops cut and run, whatever
    else this machine does; None where the graph opens and running it fails. `memory` is how many
    MiB more the process held at its peak than with the engine imported and no graph open, None
    where the system does not say.
    """

    engine: str
    milliseconds: float | None
    memory: float | None


def run_alone(card: DetectorCard) -> Alone:
    """Opens and runs the detector elsewhere.

    Raises PluginError where the process crashes, hangs, or says what is wrong, and
    MissingDependencyError where it lacks an engine.
    """
    # An empty folder to run in: `python -m` imports from the current one before anything else.
    home = str(Path(fakecheck.__file__).resolve().parents[1])
    path = os.pathsep.join(p for p in (home, os.environ.get("PYTHONPATH", "")) if p)
    command = [sys.executable, "-m", __name__, str(card.folder.resolve())]
    with tempfile.TemporaryDirectory() as empty:
        try:
            done = subprocess.run(
                command,
                cwd=empty,
                env={**os.environ, "PYTHONPATH": path},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise PluginError(
                f"opening and running it took more than {TIMEOUT_SECONDS} s, and was ended"
            ) from error
    if done.returncode or not done.stdout:
        raise PluginError(f"opening and running it ended its process {_how(done.returncode)}")
    answer = json.loads(done.stdout.splitlines()[-1])
    if "error" in answer:
        kind = MissingDependencyError if answer["missing"] else PluginError
        raise kind(answer["error"], answer["advice"])
    return Alone(**answer)


def main(folder: Path) -> None:
    """Prints a line of JSON with the fields of Alone, or with `error`, `advice` and `missing`."""
    try:
        answer = _measure(load_card(folder))
    except FakecheckError as error:
        missing = isinstance(error, MissingDependencyError)
        answer = {"error": error.message, "advice": error.advice, "missing": missing}
    print(json.dumps(answer))


def _measure(card: DetectorCard) -> dict[str, object]:
    """The fields of Alone. What comes of a graph that opens and fails is for others to say."""
    from fakecheck.detector import Detector
    from fakecheck.engines import open_engine
    from fakecheck.validate.drawn import BATCH, USUAL, crops_of, drawn_scene

    _import_engine(card)
    scenes = [drawn_scene(USUAL, seed) for seed in range(BATCH)]
    for scene in scenes:
        crops_of(scene, card)
    before = _peak_memory()
    engine = open_engine(card, device="cpu")
    detector = Detector(card, engine)
    took: list[float] = []
    try:
        for _ in range(1 + ROUNDS):
            start = time.process_time()
            detector.detect([crops_of(scene, card) for scene in scenes])
            took.append(1000 * (time.process_time() - start) / BATCH)
    except FakecheckError:
        return {"engine": engine.name, "milliseconds": None, "memory": None}
    after = _peak_memory()
    memory = None if before is None or after is None else round(after - before, 1)
    # The first round warms up.
    return {
        "engine": engine.name,
        "milliseconds": round(median(took[1:]), 2),
        "memory": memory,
    }


def _import_engine(card: DetectorCard) -> None:
    if card.onnx is not None:
        from fakecheck.engines.onnx import cuda_is_built_in

        cuda_is_built_in()
    else:
        from fakecheck.engines.tensorflow import import_tensorflow

        import_tensorflow(f"Detector {card.id}, which has only a TensorFlow graph,")


def _how(code: int) -> str:
    with contextlib.suppress(ValueError):
        return f"by {signal.Signals(-code).name}"
    return f"with code {code}"


def _peak_memory() -> float | None:
    """The most memory that this process has held, in MiB."""
    try:
        # Not getrusage on Linux: that one starts from what the parent held.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main(Path(sys.argv[1]))
