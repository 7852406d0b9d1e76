"""All tests, `python -m tests`: side by side on the processors what stands alone, then the browser, then PostgreSQL.

pytest's arguments go behind it; with paths among them only what these hold runs. A browser is not kept waiting by
other tests: what it tests is also how soon a page says something.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres

BROWSER = "tests/browser"
MOST = 4  # tests at a time; each starts processes of its own


def main(arguments: list[str]) -> int:
    """The worst exit status of the runs. Each writes a report for machines of its own, where one is asked for."""
    beside = ["-n", str(min(MOST, os.cpu_count() or 1)), "--dist", "loadfile"]
    chosen = any(Path(one.partition("::")[0]).exists() for one in arguments)
    runs = [arguments] if chosen else [["tests", f"--ignore={BROWSER}", *beside, *arguments],
                                       [BROWSER, *postgres.reported(arguments, "browser")]]
    statuses = [subprocess.run([sys.executable, "-m", "pytest", *one]).returncode for one in runs]
    statuses = [0 if status == pytest.ExitCode.NO_TESTS_COLLECTED and arguments else status for status in statuses]
    return max(*statuses, postgres.main([*([] if chosen else beside), *arguments]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
