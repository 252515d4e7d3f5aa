"""The Python lines of every page run, one page after the other, in an empty folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    page
    for page in sorted((ROOT / "docs").rglob("*.md"))
    if "```python\n" in page.read_text(encoding="utf-8")
]


@pytest.fixture
def folder(tmp_path):
    """A folder with the files that the pages call cathode.tif and cathode.raw."""
    import tifffile

    from microstructures import generate

    labels = generate.sample_cathode(0, shape=(48, 48, 48)).labels
    tifffile.imwrite(tmp_path / "cathode.tif", labels)
    labels.tofile(tmp_path / "cathode.raw")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_lines_of_a_page_run(page, folder):
    text = page.read_text(encoding="utf-8")
    lines = "\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))
    script = folder / "page.py"
    script.write_text(lines, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
