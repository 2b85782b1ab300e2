"""Dagster's run launcher where each run gets a container: Dagster's own, with the settings of this program.

What lives here: what a container of a run is made of, and one clear error where Docker cannot be reached. What does
not: starting, ending and watching containers (`dagster_docker`), and run workers on one machine (`launcher.py`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster._serdes import ConfigurableClassData

from ..errors import ConfigurationError
from ..settings import load_settings

if TYPE_CHECKING:
    from ..settings.deployment import DeploymentSettings

try:
    import docker
    from dagster_docker import DockerRunLauncher
except ImportError as error:
    raise ConfigurationError(
        "dagster.yaml gives each run a container, and dagster-docker is not installed",
        remedy="pip install 'code-index[servers]'",
    ) from error

_SOCKET = "/var/run/docker.sock"


class ContainerRunLauncher(DockerRunLauncher):
    """One container a run: the image, network and volumes of the settings, a read-only root, no capabilities."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No options: `CODE_INDEX_RUN_*` are the settings."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> ContainerRunLauncher:
        """A launcher as the settings say. Raises ConfigurationError for half of them."""
        del config_value
        settings = load_settings()
        return cls(
            inst_data=inst_data,
            image=settings.run_image,
            network=settings.run_network,
            env_vars=passed_on(os.environ),
            container_kwargs=container_options(settings),
        )

    def _get_client(self, container_context: Any) -> Any:
        """Docker's client. Raises ConfigurationError where Docker cannot be reached."""
        try:
            return super()._get_client(container_context)
        except docker.errors.DockerException as error:
            raise unreachable(os.environ.get("DOCKER_HOST"), error) from error


def passed_on(environment: Mapping[str, str]) -> list[str]:
    """The variables a run gets from the daemon: every setting of this program, tokens of git hosts included."""
    return sorted(name for name in environment if name.startswith("CODE_INDEX_")) + ["DAGSTER_HOME"]


def container_options(settings: DeploymentSettings) -> dict[str, Any]:
    """What Docker is asked for beside image, network and environment. Raises ConfigurationError."""
    missing = [
        f"CODE_INDEX_{name.upper()}" for name in ("run_image", "run_volumes") if not getattr(settings, name)
    ]  # fmt: skip
    if missing:
        raise ConfigurationError(
            f"dagster.yaml gives each run a container, and {' and '.join(missing)} is not set",
            remedy="set CODE_INDEX_RUN_IMAGE to this image and CODE_INDEX_RUN_VOLUMES to the volume of the data "
            "folder, as in code-index-data:/data",
        )
    volumes = [volume.strip() for volume in settings.run_volumes.split(",") if volume.strip()]
    wrong = [volume for volume in volumes if ":" not in volume]
    if wrong:
        raise ConfigurationError(
            f"CODE_INDEX_RUN_VOLUMES has {wrong[0]}, which names no place in the container",
            remedy="write volumes as NAME:/FOLDER, as in code-index-data:/data",
        )
    return {
        "volumes": volumes,
        "read_only": True,
        "tmpfs": {"/tmp": "size=2g,mode=1777,exec"},  # noqa: S108 - a file system of the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "init": True,
        "stop_timeout": 30,
        "healthcheck": {"test": ["NONE"]},  # the one of the image asks a search server
    }


def unreachable(host: str | None, error: Exception) -> ConfigurationError:
    """Why Docker cannot be reached: its socket is missing, closed to this user, or silent."""
    where = host or f"unix://{_SOCKET}"
    path = where.removeprefix("unix://")
    if where.startswith("unix://") and not Path(path).exists():
        return ConfigurationError(
            f"no run can be started: there is no Docker socket at {path}",
            remedy=f"mount it into the daemon ({path}:{_SOCKET}), or set DOCKER_HOST to an engine",
        )
    if where.startswith("unix://") and not os.access(path, os.R_OK | os.W_OK):
        return ConfigurationError(
            f"no run can be started: this user may not use the Docker socket {path}",
            remedy="add the socket's group to the daemon (DOCKER_GID in deploy/.env)",
        )
    return ConfigurationError(
        f"no run can be started: Docker at {where} does not answer ({error})",
        remedy="start the engine, or correct DOCKER_HOST",
    )
