"""Installs what detection needs, once the user agrees. No Qt, and never PyTorch in this process by its own doing."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any, Protocol

from ..messages import _

TORCH = "torch>=2.2"
"""Installed by the extension PyTorch, never by pip from here, except from a folder."""
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""Of PyTorch's own site, see https://pytorch.org/get-started/locally."""
Versions = Callable[[str], str | None]


class InstallError(RuntimeError):
    """Something that detection needs could not be installed.

    Attributes
    ----------
    reason, remedy : str
        What happened, what to do.
    declined : bool
        True where the user said no, which needs no error message.
    """

    def __init__(self, reason: str, remedy: str, *, declined: bool = False) -> None:
        super().__init__(f"{reason} {remedy}".strip())
        self.reason, self.remedy, self.declined = reason, remedy, declined


def read_requirements(path: Path) -> list[str]:
    """The requirements in a file, one per line; comments, options and empty lines are left out."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def installed_version(name: str) -> str | None:
    """The version of a distribution in this Python, None where it is not installed."""
    importlib.invalidate_caches()
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def missing_of(requirements: Sequence[str], versions: Versions = installed_version) -> list[str]:
    """The requirements that no installed distribution meets."""
    return [requirement for requirement in requirements if not is_met(requirement, versions)]


def is_met(requirement: str, versions: Versions = installed_version) -> bool:
    """Whether a distribution of the wanted version is installed; builds such as 2.9.0+cpu and nightly ones count."""
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    if wanted.marker is not None and not wanted.marker.evaluate():
        return True
    found = versions(wanted.name)
    return found is not None and wanted.specifier.contains(found, prereleases=True)


class Host(Protocol):
    """What the installer needs of Slicer."""

    def ask(self, question: str, details: str) -> bool:
        """Whether the user agrees; InstallError where nobody can be asked."""

    def testing(self) -> bool:
        """Whether Slicer runs its tests, which must change no installation (and answer every question with yes)."""

    def pip_install(self, arguments: list[str]) -> None:
        """Run ``pip install``; CalledProcessError where it fails."""

    def torch_logic(self) -> Any:
        """A ``PyTorchUtilsLogic`` of the extension PyTorch; ImportError where that is not installed."""

    def other_python(self) -> str | None:
        """The Python that the worker runs in, where it is not Slicer's; RuntimeError where that is not there."""

    def restart_worker(self) -> None:
        """End the worker, so that the next request starts one that sees what has been installed."""


class Installer:
    """Finds out what is missing and installs it.

    Parameters
    ----------
    requirements : Path
        The file ``requirements.txt``; PyTorch is not in it.
    host : Host
    versions : callable, optional
        Name of a distribution to its version or None.

    Attributes
    ----------
    backend : str or None
        What PyTorch is to compute with, such as "cpu" or "cu126"; None: what the extension PyTorch chooses.
    """

    def __init__(self, requirements: Path, host: Host, *, versions: Versions = installed_version) -> None:
        self._needed = [TORCH, *read_requirements(requirements)]
        self._host, self._versions = host, versions
        self.backend: str | None = None

    def missing(self) -> list[str]:
        """The requirements that are not met; nothing where the worker has a Python of its own."""
        return [] if self._host.other_python() is not None else missing_of(self._needed, self._versions)

    def ready(self) -> tuple[bool, str]:
        """Whether detection can run, and a sentence about it; looks at metadata only, takes milliseconds."""
        try:
            python = self._host.other_python()
        except RuntimeError as error:
            return False, str(error)
        if python is not None:
            return True, _("The worker runs in {python}.").format(python=python)
        missing = self.missing()
        if missing:
            return False, _("Not installed yet: {packages}.").format(packages=", ".join(missing))
        return True, _("Everything is installed: PyTorch {version}.").format(version=self._versions("torch"))

    def ensure(self) -> None:
        """Install what is missing; asks once and does nothing where nothing is missing.

        Raises
        ------
        InstallError
            Declined, the extension PyTorch is not there, no connection, or pip failed.
        """
        missing = self._missing_to_install()
        if not missing:
            return
        logic = self._torch_logic() if TORCH in missing else None  # before the question: without it, yes leads nowhere
        if not self._host.ask(_question(missing), "\n".join(missing)):
            raise InstallError(
                _("The packages were not installed, because you declined."),
                _("Click Place landmarks again to install them."),
                declined=True,
            )
        try:
            if TORCH in missing:
                self._install_torch(logic)
            self._pip([name for name in missing if name != TORCH], _connection_remedy())
        finally:
            self._host.restart_worker()

    def install_from_folder(self, folder: str | os.PathLike[str]) -> None:
        """Install what is missing from the wheels in a folder, without a connection; the folder is the consent.

        Raises
        ------
        InstallError
            The folder does not exist, holds no wheels, or lacks some of those needed.
        """
        missing = self._missing_to_install()
        if not missing:
            return
        place = Path(folder)
        if not place.is_dir() or next(place.glob("*.whl"), None) is None:
            raise InstallError(
                _("There are no wheels (.whl) in {folder}.").format(folder=place), _folder_remedy(missing)
            )
        try:
            # A list of arguments: Slicer splits a text at its spaces, and folders have some.
            self._pip(["--no-index", "--find-links", str(place), *missing], _folder_remedy(missing))
        finally:
            self._host.restart_worker()

    def _missing_to_install(self) -> list[str]:
        try:
            missing = self.missing()
        except RuntimeError as error:
            raise InstallError(str(error), "") from error
        if missing and self._host.testing():
            raise InstallError(
                _("Packages are not installed during Slicer's tests; missing: {packages}.").format(
                    packages=", ".join(missing)
                ),
                "",
            )
        return missing

    def _torch_logic(self) -> Any:
        try:
            return self._host.torch_logic()
        except ImportError:
            raise InstallError(
                _("PyTorch is needed, and the extension that installs it is missing."),
                _("Install the extension 'PyTorch' from the Extensions Manager, restart Slicer and try again."),
            ) from None

    def _install_torch(self, logic: Any) -> None:
        failure: BaseException | None = None
        try:
            logic.installTorch(
                askConfirmation=False, forceComputationBackend=self.backend, torchVersionRequirement=">=2.2"
            )
        except Exception as error:  # another extension's code, which also loads what it has installed
            failure = error
        if missing_of([TORCH], self._versions):
            raise InstallError(_("PyTorch could not be installed{why}.").format(why=_why(failure)), _torch_remedy())

    def _pip(self, arguments: list[str], remedy: str) -> None:
        """Run pip; what counts is what is installed then."""
        if not arguments:
            return
        failure = None
        try:
            self._host.pip_install(arguments)
        except (CalledProcessError, RuntimeError, OSError) as error:
            failure = error
        missing = self.missing()
        if missing:
            raise InstallError(
                _("Still not installed{why}: {packages}.").format(why=_why(failure), packages=", ".join(missing)),
                remedy,
            )


def _question(missing: Sequence[str]) -> str:
    return _(
        "Placing landmarks needs {count} packages that are not installed in Slicer's Python:\n\n{packages}\n\n"
        "They are downloaded from the Python package index and pytorch.org. Nothing is uploaded. "
        "Installing may take some minutes. Install now?"
    ).format(count=len(missing), packages="\n".join(_line(name) for name in missing))


def _line(requirement: str) -> str:
    sizes = {
        "torch": _("0.1 to 0.3 GB download; 2 to 4 GB with an NVIDIA GPU"),
        "safetensors": _("less than 1 MB"),
    }
    name = requirement.partition(">")[0]
    return f"- {name} ({sizes[name]})" if name in sizes else f"- {name}"


def _why(failure: BaseException | None) -> str:
    if failure is None:
        return ""
    if isinstance(failure, CalledProcessError):
        said = _last_error(failure)
        code = _("pip ended with exit code {code}").format(code=failure.returncode)
        return f" ({code}: {said})" if said else f" ({code})"
    return f" ({' '.join(str(failure).split()) or type(failure).__name__})"


def _last_error(failure: CalledProcessError) -> str:
    """What pip said last of what went wrong, where its output was kept."""
    output = failure.stderr or failure.output or ""
    text = output.decode("utf-8", errors="replace") if isinstance(output, bytes) else str(output)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return errors[-1] if errors else (lines[-1] if lines else "")


def _connection_remedy() -> str:
    return _(
        "The Python console (View > Python Console) has pip's messages. Check the connection to the internet and the "
        "proxy, or use 'Install from folder...'."
    )


def _torch_remedy() -> str:
    return _(
        "The Python console (View > Python Console) has the messages. Check the connection to the internet and the "
        "free space on the disk; the module 'PyTorch Utils' lets you choose a version or remove a damaged one (restart "
        "Slicer afterwards). Without a connection, use 'Install from folder...'."
    )


def download_commands(missing: Sequence[str], platform: str = sys.platform) -> list[str]:
    """What fills a folder with the packages, PyTorch in its variant for the CPU.

    On Linux the package index has PyTorch with CUDA, gigabytes of it; the variant for the CPU is in an index of its
    own. For Windows and macOS the package index has the variant for the CPU.
    """
    download = "PythonSlicer -m pip download --dest FOLDER"
    own_index = [name for name in missing if name == TORCH and platform == "linux"]
    others = [name for name in missing if name not in own_index]
    commands = [f'{download} --index-url {CPU_INDEX} "{name}"' for name in own_index]
    if others:
        commands.append(" ".join([download, *(f'"{name}"' for name in others)]))
    return commands


def _folder_remedy(missing: Sequence[str]) -> str:
    return _(
        "On a computer with a connection, the same operating system and Slicer of the same version, run the following, "
        "and bring FOLDER here:\n{commands}"
    ).format(commands="\n".join(download_commands(missing)))
