"""Kedro's commands with the checks of this project: a wrong option is one sentence before anything runs."""

import copy
import importlib.util
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.jupyter import jupyter as kedro_jupyter
from kedro.framework.cli.project import ipython as kedro_ipython
from kedro.framework.cli.project import run as kedro_run
from kedro.pipeline import Pipeline
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from hand_gestures.utils.errors import HandGesturesError, show_user_errors_in_one_sentence
from hand_gestures.utils.names import did_you_mean

RUNNER, ASYNC_OFF = "SequentialRunner", ("is_async", False)
JUPYTER_PACKAGES = {"lab": "jupyterlab", "notebook": "notebook", "setup": "ipykernel"}  # command → package it needs

show_user_errors_in_one_sentence()  # a wrong option is found before the settings are read


def split_parameters(text: str) -> dict[str, Any]:
    """Read `NAME=VALUE,NAME=VALUE`; the commas of a value such as `[1,2]` or `{a: 1, b: 2}` separate no parameters.

    Args:
        text: what the user gave after `--params`.

    Returns:
        Nested parameters: `a.b=1` becomes `{"a": {"b": 1}}`.

    Raises:
        HandGesturesError: an item has no name or no `=`, or a list does not end.

    Example:
        >>> split_parameters("comparison.seeds=[1,2],seed=3")
        {'comparison': {'seeds': [1, 2]}, 'seed': 3}
    """
    items, depth = [""], 0
    for character in text:
        if depth:
            depth += (character in "[{") - (character in "]}")
        elif character in "[{" and items[-1].rstrip().endswith("="):
            depth = 1
        elif character == ",":
            items.append("")
            continue
        items[-1] += character
    items = [item.strip() for item in items if item.strip()]
    wrong = [item for item in items if not item.partition("=")[0].strip() or "=" not in item]
    if depth or wrong:
        raise _not_parameters(wrong[0] if wrong else items[-1])
    pairs = (item.partition("=") for item in items)
    try:
        parameters: Any = OmegaConf.from_dotlist([f"{name.strip()}={value}" for name, _, value in pairs])
        return dict(OmegaConf.to_container(parameters))  # type: ignore[arg-type]
    except (YAMLError, OmegaConfBaseException) as error:
        raise _not_parameters(text) from error


def _not_parameters(item: str) -> HandGesturesError:
    return HandGesturesError(
        f"parameters are given as NAME=VALUE,NAME=VALUE, but {item!r} is not of this form; correct it, and write a "
        "list as --params 'comparison.seeds=[1,2]'"
    )


def _read_parameters(context: click.Context, option: click.Parameter, given: Any) -> dict[str, Any]:
    return split_parameters(given) if isinstance(given, str) else given  # a file after --config gives a dictionary


def _check_run(options: Mapping[str, Any]) -> None:
    _require_runner(options["runner"], options["is_async"], options["runner_params"])
    _require_nodes(options)


def _require_runner(runner: str | None, is_async: bool, runner_params: Mapping[str, Any]) -> None:
    given = [f"--runner {runner}"] if runner and runner.rpartition(".")[2] != RUNNER else []
    given += ["--async"] if is_async else []
    given += [f"--runner-params {name}={value}" for name, value in runner_params.items() if (name, value) != ASYNC_OFF]
    if given:
        raise HandGesturesError(
            f"nodes run one after another in one thread ({RUNNER}), because only then all results go to one MLflow "
            f"run, but {' and '.join(given)} was given; leave it out: slow steps use several processes by themselves"
        )


def _require_nodes(options: Mapping[str, Any]) -> None:
    """Check the names of pipelines, nodes, tags and catalog entries, and that they select a node."""
    from hand_gestures.pipeline_registry import register_pipelines  # imports pandas: only for runs

    registered = register_pipelines()
    names = [options["pipeline"]] if options["pipeline"] else options["pipelines"] or ["__default__"]
    _require_names("pipeline", names, "the project", {"the project": registered})
    chosen = " and ".join(names)
    pipelines = {chosen: sum((registered[name] for name in names), Pipeline([])), **registered}
    for noun, option, names_in in (
        ("node", "node_names", _node_names),
        ("node", "from_nodes", _node_names),
        ("node", "to_nodes", _node_names),
        ("tag", "tags", lambda pipeline: {tag for node in pipeline.nodes for tag in node.tags}),
        ("catalog entry", "from_inputs", lambda pipeline: pipeline.datasets()),
        ("catalog entry", "to_outputs", lambda pipeline: pipeline.datasets()),
        ("namespace", "namespaces", lambda pipeline: set()),
    ):
        _require_names(noun, options[option], chosen, {name: names_in(part) for name, part in pipelines.items()})
    filters = ("tags", "from_nodes", "to_nodes", "node_names", "from_inputs", "to_outputs")
    try:
        pipelines[chosen].filter(**{name: options[name] for name in filters})
    except ValueError as error:
        given = ", ".join(str(name) for option in filters for name in options[option])
        raise HandGesturesError(
            f"a run needs a node that all options select, but no node of {chosen} is selected by all of {given}; leave "
            "one of them out"
        ) from error


def _node_names(pipeline: Pipeline) -> set[str]:
    return {node.name for node in pipeline.nodes}


def _require_names(noun: str, given: Iterable[str], chosen: str, known: Mapping[str, Collection[str]]) -> None:
    """Check that names are known in what was chosen; `known` has the names of every pipeline."""
    for name in given:
        if name in known[chosen]:
            continue
        similar = did_you_mean(name, known[chosen])
        elsewhere = [pipeline for pipeline, names in known.items() if name in names]
        if elsewhere:
            remedy = f"add --pipelines {elsewhere[0]}"
        elif similar:
            remedy = "correct the name"
        else:
            remedy = f"use one of {', '.join(sorted(known[chosen]))}" if known[chosen] else f"leave the {noun} out"
        raise HandGesturesError(
            f"every {noun} that is named must exist, but {name!r} is not in {chosen}{similar}; {remedy}"
        )


def _with_check(command: click.Command, check: Callable[[Mapping[str, Any]], None]) -> click.Command:
    """A copy of the command that first calls `check` with its options."""
    checked = copy.copy(command)
    start: Any = command.callback

    def callback(*arguments: Any, **options: Any) -> Any:
        check(options)
        return start(*arguments, **options)

    checked.callback = callback
    return checked


def _with_package(name: str, command: click.Command) -> click.Command:
    def require_package(options: Mapping[str, Any]) -> None:
        package = JUPYTER_PACKAGES[name]
        if importlib.util.find_spec(package) is None:
            raise HandGesturesError(
                f"kedro jupyter {name} needs the package {package}, but it is not installed in {sys.prefix}; run "
                f"pip install {package} there, or open the notebooks in an editor that runs them"
            )

    return _with_check(command, require_package)


def _add_programs_to_path(options: Mapping[str, Any]) -> None:
    """Kedro calls the program `ipython`, which is not on the PATH where the environment is not activated."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


@click.group(name="kedro")
def cli() -> None:
    """Commands of the project; they replace those of Kedro that have the same name."""


run = _with_check(kedro_run, _check_run)
run.params = [copy.copy(option) for option in kedro_run.params]
for option in run.params:
    if option.name in ("params", "runner_params"):
        option.callback = _read_parameters

jupyter = copy.copy(kedro_jupyter)
jupyter.commands = {name: _with_package(name, command) for name, command in kedro_jupyter.commands.items()}

for command in (run, jupyter, _with_check(kedro_ipython, _add_programs_to_path)):
    cli.add_command(command)
