"""Kernel list without the app's own two kernels: nobody should start those from Lab's launcher."""

from __future__ import annotations

from jupyter_client.kernelspec import KernelSpecManager

from openalgo_lab.server.names import ENGINE_KERNEL, PAGE_KERNEL

__all__ = ["LabKernelSpecManager"]


class LabKernelSpecManager(KernelSpecManager):
    """Hides the engine's and the pages' kernels from lists; by name they can still be started."""

    def find_kernel_specs(self) -> dict[str, str]:
        """All kernels that a person may choose."""
        found: dict[str, str] = super().find_kernel_specs()
        return {name: folder for name, folder in found.items() if name not in {ENGINE_KERNEL, PAGE_KERNEL}}
