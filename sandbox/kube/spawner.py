"""KubeSpawner over `pod_manifest`: JupyterHub's machinery for starting and watching, our pod in it."""

import json
from pathlib import Path
from typing import Any

from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner
from traitlets import Dict, Unicode

from sandbox.errors import SANDBOX_PROJECT_MISSING
from sandbox.hub.notebook import server_command
from sandbox.kube.pod import DOOR_PORT, Images, Services, pod_manifest
from sandbox.naming import object_name
from sandbox.profile import NOTEBOOK
from store.errors import YurtError


class YurtKubeSpawner(KubeSpawner):  # type: ignore[misc]
    """One pod per (user, project). The project is the named server's name, checked by the hub's hook against grants."""

    work_image = Unicode(config=True, help="Image that untrusted code runs in, by digest.")
    door_image = Unicode(config=True, help="The platform's image, by digest.")
    service_hosts = Dict(config=True, help="Host name to cluster IP of the gateway and the hub: pods have no DNS.")
    gateway_url = Unicode("http://gateway:8080", config=True, help="Where the door finds the gateway.")
    environment_path = Unicode("/opt/yurt/env", config=True, help="Python environment in the work image.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.port = DOOR_PORT
        self.pod_name = self._pod_name()

    def _pod_name(self) -> str:
        return object_name("sandbox", self.user.name if self.user else "", self.name or "", self.name or "")

    async def get_pod_manifest(self) -> Any:
        """The pod as the model object KubeSpawner expects. Raises SANDBOX_PROJECT_MISSING for the default server."""
        if not self.name:
            raise YurtError(SANDBOX_PROJECT_MISSING)
        command = server_command(
            Path(self.environment_path), self.server.base_url, NOTEBOOK.home, NOTEBOOK.server_socket
        )
        manifest = pod_manifest(
            NOTEBOOK,
            user=self.user.name,
            project=self.name,
            server=self.name,
            namespace=self.namespace,
            images=Images(self.work_image, self.door_image),
            services=Services(self.service_hosts, self.gateway_url),
            command=command,
            door_environment=self.get_env(),
        )
        # KubeSpawner's own labels are how it finds the pod again.
        manifest["metadata"]["labels"] = {**self._build_pod_labels({}), **manifest["metadata"]["labels"]}
        return await as_model(manifest)


class _Response:
    """What the client's deserialiser reads of a response."""

    def __init__(self, data: str) -> None:
        self.data = data


async def as_model(manifest: dict[str, Any]) -> Any:
    """A manifest as a `V1Pod`."""
    async with ApiClient() as client:
        return client.deserialize(_Response(json.dumps(manifest)), "V1Pod")
