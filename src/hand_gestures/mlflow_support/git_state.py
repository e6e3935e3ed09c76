"""Which code runs: the commit of the project, and whether its files differ from that commit."""

from pathlib import Path
from typing import NamedTuple

# What decides a result. Data is left out: it takes long to look through a folder of a million ignored frames.
CODE = ("src", "conf", "pyproject.toml", "requirements.txt")


class GitState(NamedTuple):
    """The commit of a project.

    Attributes:
        commit: 40 hex digits.
        dirty: whether code or settings differ from the commit, new files included.
    """

    commit: str
    dirty: bool


def git_state(project: Path) -> GitState | None:
    """The state of the repository that holds a project.

    Args:
        project: the folder with the project's pyproject.toml.

    Returns:
        None where there is no repository, no commit or no git program, or where the project lies inside another
        repository that does not contain it.
    """
    import git  # takes 0.2 s

    command = git.Git(project)(no_optional_locks=True)  # a status must not disturb a git that runs beside it
    try:
        commit = command.rev_parse("HEAD", "HEAD:./pyproject.toml").split()[0]
        return GitState(commit, dirty=bool(command.status("--porcelain", "--", *CODE)))
    except git.CommandError:
        return None
