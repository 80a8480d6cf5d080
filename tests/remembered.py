"""What does not change during a session of tests is computed once: it takes half of the time of a short run."""

import copy
import pickle
from functools import cache, partial

import omegaconf.base
from hydra._internal import defaults_list
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from lightning.fabric.utilities import registry

from gtzan_lightning.config.composition import ConfigSources, conf_dir


def remember(patch):
    """Remembers what Hydra reads and merges of its files and of `conf/`, interpolations and installed packages.

    Configuration files that a test writes are read each time.
    """
    kept: dict[object, bytes] = {}
    package = str(conf_dir())

    def is_of_a_test(source):
        return source.scheme() == "file" and source.path != package

    def once(key, make):
        if key not in kept:
            kept[key] = pickle.dumps(make())
        return pickle.loads(kept[key])

    def remembered(method, source_of=lambda source, _: source):
        def call(self, config_path):
            source = source_of(self, config_path)
            if source is None or is_of_a_test(source):
                return method(self, config_path)
            return once((method, source.path, config_path), lambda: method(self, config_path))

        return call

    def merged(self, defaults, repo):
        if any(map(is_of_a_test, repo.get_sources())):
            return merge(self, defaults, repo)
        parts = tuple(tuple(vars(default).items()) for default in defaults)
        return once((merge, parts), lambda: merge(self, defaults, repo))

    def composed(self, overrides=()):
        plain = self == ConfigSources() and not overrides
        return once(compose, lambda: compose(self)) if plain else compose(self, overrides)

    compose, merge = ConfigSources.compose, ConfigLoaderImpl._compose_config_from_defaults_list
    Plugins.instance()  # registers the classes, which are not those of their modules: Hydra imports these once more
    for kind in map(SourcesRegistry.instance().resolve, ("file", "pkg")):
        patch.setattr(kind, "is_config", remembered(kind.is_config))
    source_of = partial(ConfigRepository._find_object_source, object_type=ObjectType.CONFIG)
    patch.setattr(ConfigRepository, "load_config", remembered(ConfigRepository.load_config, source_of))
    patch.setattr(ConfigSources, "compose", composed)
    patch.setattr(ConfigLoaderImpl, "_compose_config_from_defaults_list", merged)
    patch.setattr(ConfigRepository, "__deepcopy__", lambda self, _: copy.copy(self), raising=False)
    choices = defaults_list._create_interpolation_map
    patch.setattr(defaults_list, "_create_interpolation_map", only_if_interpolated(choices))
    patch.setattr(omegaconf.base, "parse", cache(omegaconf.base.parse))
    patch.setattr(registry, "entry_points", cache(registry.entry_points))


def only_if_interpolated(choices):
    """Hydra merges all choices for each node of the defaults, and looks at them where a default is an interpolation."""

    def call(overrides, defaults, self_added):
        if any(default.is_interpolation() for default in defaults):
            return choices(overrides, defaults, self_added)
        return None

    return call
