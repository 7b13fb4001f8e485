"""`./crm` makes an environment of its own and touches nobody else's."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_an_environment_that_is_a_link_is_left_as_it_is(tmp_path):
    place, other = tmp_path / "clone", tmp_path / "other"
    place.mkdir()
    other.mkdir()
    shutil.copy(ROOT / "crm", place)
    shutil.copytree(ROOT / "requirements", place / "requirements")
    (other / "kept").touch()
    (place / ".venv").symlink_to(other)
    done = subprocess.run(
        [sys.executable, str(place / "crm"), "lint"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert ".venv is a link" in done.stderr
    assert (other / "kept").exists()
