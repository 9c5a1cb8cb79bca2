"""`kumo.configure_bounce_classifier`."""

from __future__ import annotations

from functools import partial

from kumolog.api.bouncerules import RememberedRules
from kumolog.api.calls import check_call
from kumolog.api.classify import BounceClassifier
from kumolog.api.configuring import configuring
from kumolog.api.misc import ConfigEpoch
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue


def configure_bounce_classifier(registry: Registry, place: str, *arguments: LuaValue) -> None:
    """Classifies failures from now on, by files that are read at once.

    The files are read anew after `kumo.bump_config_epoch`. ``back_pressure`` and ``pool_size`` have
    no meaning here: records are classified where they are logged.
    """
    with configuring(registry, place):
        (params,) = check_call("kumo.configure_bounce_classifier", arguments)
        classifier = registry.state(BounceClassifier)
        if classifier.find is not None:
            raise KumologError(
                f"kumo.configure_bounce_classifier was called already, at {classifier.place}: "
                "give all files to one call"
            )
        epoch = registry.state(ConfigEpoch)
        classifier.find = RememberedRules(
            params["files"],
            params["cache_size"],
            params["uncategorized_cache_size"],
            lambda: epoch.number,
            partial(registry.report, "error"),
            registry.files,
        ).find
        classifier.place = place
