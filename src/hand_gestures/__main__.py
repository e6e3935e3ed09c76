"""`hand_gestures`, or `python -m hand_gestures`: run a pipeline from the installed package, outside the project."""

import os
import sys
from pathlib import Path
from typing import Any

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main(*args: Any, **kwargs: Any) -> Any:
    """Kedro's `run` command, with its own options."""
    os.environ.setdefault("KEDRO_DISABLE_TELEMETRY", "1")  # the project's .telemetry, which is not here, says so too
    package = Path(__file__).parent.name
    configure_project(package)
    interactive = hasattr(sys, "ps1")
    kwargs["standalone_mode"] = not interactive
    return find_run_command(package)(*args, **kwargs)


if __name__ == "__main__":
    main()
