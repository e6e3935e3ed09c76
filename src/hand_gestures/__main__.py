"""`hand_gestures` or `python -m hand_gestures`: run a pipeline of the installed package, outside the project folder."""

import os
import sys
from pathlib import Path
from typing import Any

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main(*args: Any, **kwargs: Any) -> Any:
    """Run Kedro's `run` command.

    Args:
        *args: of the command line, for interactive use.
        **kwargs: options of the command.
    """
    os.environ.setdefault("KEDRO_DISABLE_TELEMETRY", "1")  # as .telemetry says in the project folder
    package = Path(__file__).parent.name
    configure_project(package)
    interactive = hasattr(sys, "ps1")
    kwargs["standalone_mode"] = not interactive
    return find_run_command(package)(*args, **kwargs)


if __name__ == "__main__":
    main()
