"""Installing what the panel needs: what is asked, what is installed, what is said where it fails."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import CalledProcessError

import pytest
from FacialLandmarks3DLib.installation.installer import InstallError
from installation_host import FakeHost, installer, kinds


def test_nothing_is_asked_where_nothing_is_missing() -> None:
    host = FakeHost(torch="2.9.0", safetensors="0.6")
    assert installer(host).ready() == (True, "Everything is installed: PyTorch 2.9.0.")
    installer(host).ensure()
    installer(host).install_from_folder("nowhere")
    assert host.did == []


def test_everything_is_installed_after_one_question() -> None:
    host = FakeHost()
    made = installer(host)
    ready, text = made.ready()
    assert not ready and "torch>=2.2" in text and "safetensors>=0.4" in text
    made.ensure()
    assert kinds(host) == ["ask", "torch", "pip", "restart"] and made.ready()[0]
    question = host.did[0][1]
    assert "GB" in question and "torch" in question and "Nothing is uploaded" in question
    assert host.did[1] == ("torch", False, None, ">=2.2") and host.did[2] == ("pip", "safetensors>=0.4")


def test_only_what_is_missing_is_installed() -> None:
    host = FakeHost(torch="2.9.0")
    installer(host).ensure()
    assert kinds(host) == ["ask", "pip", "restart"]
    host = FakeHost(torch="1.13", safetensors="0.4")
    made = installer(host)
    made.backend = "cpu"
    made.ensure()
    assert kinds(host) == ["ask", "torch", "restart"] and host.did[1][2] == "cpu"


def test_no_means_no() -> None:
    host = FakeHost()
    host.agrees = False
    with pytest.raises(InstallError, match="declined") as caught:
        installer(host).ensure()
    assert caught.value.declined and kinds(host) == ["ask"]


def test_nothing_is_installed_during_tests() -> None:
    """Slicer's dialogs answer themselves with yes then."""
    host = FakeHost()
    host.tests = True
    for install in (installer(host).ensure, lambda: installer(host).install_from_folder(Path(__file__).parent)):
        with pytest.raises(InstallError, match="tests"):
            install()
    assert host.did == []


@pytest.mark.parametrize("error", [CalledProcessError(1, "pip"), CalledProcessError(2, "ltt")])
def test_a_failed_installation_says_what_to_do(error: Exception) -> None:
    host = FakeHost()
    host.torch_error = error
    with pytest.raises(InstallError, match=f"exit code {error.returncode}.*Install from folder"):
        installer(host).ensure()
    host = FakeHost(torch="2.9.0")
    host.pip_error = error
    with pytest.raises(InstallError, match=r"safetensors.*connection"):
        installer(host).ensure()
    assert kinds(host)[-1] == "restart"


def test_the_extension_pytorch_is_looked_for_before_the_question() -> None:
    host = FakeHost()
    host.has_extension = False
    with pytest.raises(InstallError, match="Install the extension 'PyTorch' from the Extensions Manager"):
        installer(host).ensure()
    assert host.did == []
    host = FakeHost(torch="2.9.0")  # nothing of it is needed
    host.has_extension = False
    installer(host).ensure()
    assert installer(host).ready()[0]


def test_a_failed_download_says_what_failed() -> None:
    host = FakeHost(torch="2.9.0")
    said = (
        "Looking in indexes\nERROR: Could not find a version that satisfies x\nERROR: No matching distribution for x\n"
    )
    host.pip_error = CalledProcessError(1, ["pip"], output=said)
    with pytest.raises(InstallError) as caught:
        installer(host).ensure()
    assert "pip ended with exit code 1: No matching distribution for x): safetensors>=0.4." in str(caught.value)


def test_what_counts_is_what_is_installed() -> None:
    """PyTorchUtils loads what it has installed, which may fail in Slicer's process although the worker can use it."""
    host = FakeHost()
    host.torch_error = OSError("a DLL was in use")
    installer(host).ensure()
    assert installer(host).ready()[0]
    host = FakeHost(torch="2.9.0")
    host.pip_install = lambda arguments: None  # type: ignore[method-assign]
    with pytest.raises(InstallError, match="Still not installed"):
        installer(host).ensure()


def test_a_python_of_the_users_own(tmp_path: Path) -> None:
    host = FakeHost()
    host.python = sys.executable
    assert installer(host).ready() == (True, f"The worker runs in {sys.executable}.")
    installer(host).ensure()
    host.python = str(tmp_path / "none")
    assert not installer(host).ready()[0]
    with pytest.raises(InstallError, match="SGCN_WORKER_PYTHON"):
        installer(host).ensure()
    assert host.did == []
