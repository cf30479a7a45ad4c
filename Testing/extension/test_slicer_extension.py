"""The packaging of the Slicer extension: its file lists against the tree, its description, its imports."""

from __future__ import annotations

import ast
import json
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "FacialLandmarks3D"
CLI = MODULE / "FacialLandmarks3DCLI"
# What the modules of Slicer's own process may import at file scope, beyond the standard library and themselves.
ALLOWED = {"slicer", "vtk", "qt", "ctk", "numpy"}
NOT_SHIPPED = {"CMakeLists.txt", "__pycache__"}


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def listed(variable: str) -> list[str]:
    found = re.search(rf"set\({variable}\s([^)]*)\)", text_of(MODULE / "CMakeLists.txt"))
    return found[1].replace("${MODULE_NAME}", MODULE.name).split()


def setting(name: str) -> str:
    return re.search(rf'^set\({name} "([^"]+)"\)$', text_of(ROOT / "CMakeLists.txt"), re.MULTILINE)[1]


def png_header(path: Path) -> tuple[int, int, int]:
    """Width, height and type of colour; the file must be a PNG."""
    start = path.read_bytes()[:26]
    assert start[:8] == b"\x89PNG\r\n\x1a\n"
    return (*struct.unpack(">II", start[16:24]), start[25])


def in_tree() -> set[str]:
    """Files of the scripted module, without those of the CLI module and of tests."""
    files = [path.relative_to(MODULE) for path in MODULE.rglob("*") if path.is_file()]
    shipped = [path for path in files if not NOT_SHIPPED & set(path.parts) and path.parts[0][0] != "."]
    return {path.as_posix() for path in shipped if path.parts[0] not in (CLI.name, "Testing")}


def test_the_lists_name_every_file_of_the_module_and_no_other() -> None:
    scripts, resources = listed("MODULE_PYTHON_SCRIPTS"), listed("MODULE_PYTHON_RESOURCES")
    assert set(scripts) | set(resources) == in_tree()
    assert len(set(scripts)) == len(scripts) and all(name.endswith(".py") for name in scripts)
    assert not any(name.endswith(".py") for name in resources)


def test_no_helper_is_taken_for_a_module() -> None:
    """Slicer tries every Python file at the top of a module's folder as a module of its own."""
    assert {path.name for path in MODULE.glob("*.py")} <= {"FacialLandmarks3D.py"}


def test_the_description_is_what_the_extension_index_asks_for() -> None:
    entry = json.loads(text_of(ROOT / "FacialLandmarks3D.json"))
    assert re.search(r"^project\(FacialLandmarks3D\)$", text_of(ROOT / "CMakeLists.txt"), re.MULTILINE)
    assert entry["build_dependencies"] == setting("EXTENSION_DEPENDS").split()
    assert entry["category"] == setting("EXTENSION_CATEGORY")
    assert entry["scm_url"] == setting("EXTENSION_HOMEPAGE") + ".git"
    assert entry["$schema"].endswith("v1.0.2.json#") and entry["tier"] == 1 and entry["build_subdirectory"] == "."
    for url in (setting("EXTENSION_ICONURL"), *setting("EXTENSION_SCREENSHOTURLS").split()):
        assert png_header(ROOT / url.partition("/main/")[2])
    assert b"\r" not in (ROOT / "FacialLandmarks3D.json").read_bytes()


def test_the_icons_are_as_slicer_wants_them() -> None:
    coloured_with_alpha = 6
    for path in (
        ROOT / "Resources" / "FacialLandmarks3D.png",
        MODULE / "Resources" / "Icons" / "FacialLandmarks3D.png",
    ):
        assert png_header(path) == (128, 128, coloured_with_alpha)


def test_the_cli_module_has_the_name_of_its_files() -> None:
    name = re.search(r"set\(MODULE_NAME (\w+)\)", text_of(CLI / "CMakeLists.txt"))[1]
    assert (CLI / f"{name}.py").is_file() and (CLI / f"{name}.xml").is_file()
    description = text_of(CLI / f"{name}.xml")
    assert f"<category>{setting('EXTENSION_CATEGORY')}</category>" in description
    assert f"<documentation-url>{setting('EXTENSION_HOMEPAGE')}</documentation-url>" in description


@pytest.mark.parametrize(
    "path",
    [MODULE / "FacialLandmarks3D.py", *sorted(MODULE.glob("FacialLandmarks3DLib/**/*.py"))],
    ids=lambda path: path.relative_to(MODULE).as_posix(),
)
def test_a_module_loads_nothing_foreign_into_slicer(path: Path) -> None:
    names = set()
    for node in ast.parse(text_of(path)).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.partition(".")[0])
    assert names - set(sys.stdlib_module_names) - {"FacialLandmarks3DLib"} <= ALLOWED


# Slicer as far as a configuration asks for it: macros that print what they are given.
SLICER = """
set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/empty.cmake)
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR lib/qt-scripted-modules)
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR lib/qt-scripted-modules)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/empty.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/empty.cmake)
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(GIVEN "WITH_GENERIC_TESTS" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  foreach(file ${GIVEN_SCRIPTS} ${GIVEN_RESOURCES})
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
      message(FATAL_ERROR "there is no ${file}")
    endif()
    message(STATUS "installed: ${GIVEN_NAME} ${file}")
  endforeach()
endmacro()
macro(slicer_add_python_unittest)
  cmake_parse_arguments(GIVEN "" "SCRIPT" "" ${ARGN})
  message(STATUS "tested: ${GIVEN_SCRIPT}")
endmacro()
macro(SlicerMacroBuildScriptedCLI)
  message(STATUS "installed: ${ARGV1} cli")
endmacro()
"""


@pytest.mark.skipif(shutil.which("cmake") is None, reason="CMake is not installed")
def test_cmake_finds_every_file(tmp_path: Path) -> None:
    (tmp_path / "SlicerConfig.cmake").write_text(SLICER)
    (tmp_path / "empty.cmake").write_text("")
    command = ["cmake", "-S", str(ROOT), "-B", str(tmp_path / "build"), f"-DSlicer_DIR={tmp_path}"]
    command.append("-DBUILD_TESTING=ON")
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if "CMAKE_C_COMPILER" in ended.stderr or "build tool" in ended.stderr:
        pytest.skip("CMake has no compiler here")
    assert ended.returncode == 0, ended.stderr
    assert re.findall(r"tested: (\S+)", ended.stdout) == ["FacialLandmarks3D.py"]
    installed = set(re.findall(r"installed: (\S+ \S+)", ended.stdout))
    assert {f"FacialLandmarks3D {name}" for name in in_tree()} | {"FacialLandmarks3DCLI cli"} <= installed
    assert not any(name.startswith("sgcn_core") for name in installed)  # a package, not a module of Slicer's


@pytest.mark.skipif(shutil.which("cmake") is None, reason="CMake is not installed")
def test_cmake_builds_and_installs_the_whole_package_beside_the_modules(tmp_path: Path) -> None:
    (tmp_path / "SlicerConfig.cmake").write_text(SLICER)
    (tmp_path / "empty.cmake").write_text("")
    build, prefix = tmp_path / "build", tmp_path / "prefix"
    for command in (
        ["cmake", "-S", str(ROOT), "-B", str(build), f"-DSlicer_DIR={tmp_path}", f"-DCMAKE_INSTALL_PREFIX={prefix}"],
        ["cmake", "--build", str(build)],
        ["cmake", "--install", str(build)],
    ):
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if "CMAKE_C_COMPILER" in ended.stderr or "build tool" in ended.stderr:
            pytest.skip("CMake has no compiler here")
        assert ended.returncode == 0, ended.stderr
    modules = prefix / "lib" / "qt-scripted-modules"
    assert package_files(modules / "sgcn_core") == package_files(ROOT / "sgcn_core")
    assert package_files(build / "lib" / "qt-scripted-modules" / "sgcn_core") == package_files(ROOT / "sgcn_core")
    assert {path.name for path in modules.iterdir()} == {"sgcn_core"}  # neither research nor tests


def package_files(package: Path) -> dict[str, int]:
    """Paths in the package and their sizes, without compiled files."""
    found = (path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(package).as_posix(): path.stat().st_size for path in found}


# Each folder of the library may import those before it, and all may import the messages.
LAYERS = (
    "messages", "worker", "scene", "detection", "review", "planning", "batch", "installation", "module_panel",
    "self_test", "self_test_planning",
)  # fmt: skip
LARGEST = 320


def test_imports_of_the_library_point_downwards() -> None:
    library = MODULE / "FacialLandmarks3DLib"
    for path in sorted(library.rglob("*.py")):
        layer = path.relative_to(library).parts[0].removesuffix(".py")
        if layer not in LAYERS:
            continue
        for node in ast.walk(ast.parse(text_of(path))):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            inside = node.level == len(path.relative_to(library).parts) - 1 and path.parent != library
            target = layer if inside else (node.module or node.names[0].name).partition(".")[0]
            assert LAYERS.index(target) <= LAYERS.index(layer), f"{path.name} imports {target}"


def test_the_library_has_few_files_of_a_size_that_can_be_read() -> None:
    files = sorted((MODULE / "FacialLandmarks3DLib").rglob("*.py"))
    assert len([path for path in files if path.name != "__init__.py"]) <= 55
    assert {path.name for path in files if len(text_of(path).splitlines()) > LARGEST} == set()
