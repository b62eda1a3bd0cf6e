"""Writes nannyml_figures.json beside it: NannyML's figures of the file that test_evaluate.py evaluates.

Usage, after `make bench` has made NannyML's environment: python -m tests.evaluate.nannyml_golden
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.evaluate import predictions_file

ROOT = Path(__file__).parents[2]
ROLES = {"timestamp": "time", "prediction_id": "id", "prediction": "said", "score": "score", "label": "paid"}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        reference, data, _ = predictions_file.write(Path(name))
        spec = {"reference": str(reference), "data": str(data), "chunk": predictions_file.CHUNK, **ROLES}
        asked = Path(name) / "spec.json"
        asked.write_text(json.dumps(spec), encoding="utf-8")
        command = [".venv-nannyml/bin/python", "tests/bench/nannyml_figures.py", str(asked)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
    found = json.loads(done.stdout.splitlines()[-1])
    target = Path(__file__).with_name("nannyml_figures.json")
    target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
