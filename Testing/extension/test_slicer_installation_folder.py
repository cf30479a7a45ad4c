"""Installing from a folder of wheels without a connection, with real pip."""

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from FacialLandmarks3DLib.installation.installer import CPU_INDEX, Installer, InstallError, download_commands
from installation_host import REQUIREMENTS, FakeHost, installer, kinds


def write_wheel(folder: Path, name: str, version: str) -> None:
    """A wheel that holds nothing, https://packaging.python.org/specifications/binary-distribution-format"""
    home = f"{name}-{version}.dist-info"
    contents = {
        f"{home}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{home}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    contents[f"{home}/RECORD"] = "".join(f"{path},,\n" for path in (*contents, f"{home}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in contents.items():
            archive.writestr(path, text)


@pytest.fixture
def real_pip(tmp_path: Path) -> FakeHost:
    """A host whose pip installs into a folder of its own."""
    if importlib.util.find_spec("pip") is None:
        pytest.skip("pip is not installed here")
    target, host = tmp_path / "site", FakeHost()

    def pip_install(arguments: list[str]) -> None:
        host.did.append(("pip", *arguments))
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--target", str(target)]
        subprocess.run([*command, *arguments], check=True, capture_output=True)

    def version(name: str) -> str | None:
        importlib.invalidate_caches()
        found = importlib.metadata.distributions(name=name, path=[str(target)])
        return next((each.version for each in found), None)

    host.pip_install, host.versions = pip_install, version  # type: ignore[method-assign,attr-defined]
    return host


def test_a_folder_with_spaces_is_enough(real_pip: FakeHost, tmp_path: Path) -> None:
    folder = tmp_path / "my wheels é"
    folder.mkdir()
    made = Installer(REQUIREMENTS, real_pip, versions=real_pip.versions)
    write_wheel(folder, "safetensors", "0.5.0")
    with pytest.raises(InstallError, match=r"(?s)torch>=2.2.*pip download"):
        made.install_from_folder(folder)
    write_wheel(folder, "torch", "2.9.0")
    made.install_from_folder(folder)
    assert made.ready()[0] and "ask" not in kinds(real_pip)
    assert real_pip.did[-2][1:4] == ("--no-index", "--find-links", str(folder))


def test_a_folder_without_wheels_is_told(tmp_path: Path) -> None:
    host = FakeHost()
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InstallError, match="no wheels"):
            installer(host).install_from_folder(folder)
    assert host.did == []


def test_the_offline_command_downloads_no_cuda() -> None:
    wanted = ["torch>=2.2", "safetensors>=0.4"]
    linux = download_commands(wanted, "linux")
    assert len(linux) == 2 and f'--index-url {CPU_INDEX} "torch>=2.2"' in linux[0] and CPU_INDEX.endswith("/cpu")
    assert linux[1].endswith('--dest FOLDER "safetensors>=0.4"') and "index-url" not in linux[1]
    for system in ("win32", "darwin"):
        assert download_commands(wanted, system) == [
            'PythonSlicer -m pip download --dest FOLDER "torch>=2.2" "safetensors>=0.4"'
        ]
    assert download_commands(["safetensors>=0.4"], "linux") == linux[1:]
