"""Sandboxes as pods: the same profile as the local jail, built by pure functions, spawned by JupyterHub."""

from sandbox.kube.pod import DEAD_DNS, Images, Services, pod_manifest

__all__ = ["DEAD_DNS", "Images", "Services", "pod_manifest"]
