"""Project settings; see https://docs.kedro.org/en/stable/configure/settings/."""

from kedro.config import OmegaConfigLoader
from omegaconf.resolvers import oc

from hand_gestures.hooks import ParameterHooks, RunLockHooks, SummaryHooks, UnreadableFileHooks
from hand_gestures.mlflow_support.hooks import MlflowHooks
from hand_gestures.run_checks import RunChecks
from hand_gestures.utils.errors import hide_repeated_messages, show_user_errors_in_one_sentence

DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow",)  # MlflowHooks does what its hook does, and more
HOOKS = (
    MlflowHooks(),
    SummaryHooks(),
    RunChecks(),
    ParameterHooks(),
    RunLockHooks(),
    UnreadableFileHooks(),
)  # called from last to first
CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {"mlflow": ["mlflow*", "mlflow*/**"]},
    "merge_strategy": {"parameters": "soft"},  # an environment holds single values, not whole topics
    "custom_resolvers": {"oc.env": oc.env},  # ${oc.env:NAME,default} reads a variable of the environment
}

show_user_errors_in_one_sentence()
hide_repeated_messages()
