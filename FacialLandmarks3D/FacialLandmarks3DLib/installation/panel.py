"""A window with a text that can be copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer

from ..detection.services import Services, load_section
from ..messages import _
from .installer import InstallError
from .report import Lines, as_text
from .slicer_installation import WorkerCheck

_WIDTH, _HEIGHT = 760, 520
_POLL_MILLISECONDS = 100


class ReportDialog:
    """Shows a report; it stays open beside the application until it is closed."""

    def __init__(self, title: str) -> None:
        self._dialog = qt.QDialog(slicer.util.mainWindow())
        self._dialog.setWindowTitle(title)
        self._dialog.resize(_WIDTH, _HEIGHT)
        self._text = qt.QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setLineWrapMode(qt.QPlainTextEdit.NoWrap)
        font = qt.QFont("Monospace")
        font.setStyleHint(qt.QFont.TypeWriter)
        self._text.setFont(font)
        layout = qt.QVBoxLayout(self._dialog)
        layout.addWidget(
            qt.QLabel(_("The report contains folder names of this computer; read it before you share it."))
        )
        layout.addWidget(self._text)
        buttons = qt.QHBoxLayout()
        for label, action in ((_("Copy"), self.copy), (_("Close"), self._dialog.close)):
            button = qt.QPushButton(label)
            button.connect("clicked()", action)
            buttons.addWidget(button)
        layout.addLayout(buttons)

    def show(self, text: str) -> None:
        """Show a text instead of the one shown."""
        self._text.setPlainText(text)
        if not self._dialog.visible:
            self._dialog.show()
        self._dialog.raise_()

    def copy(self) -> None:
        """Put the text on the clipboard."""
        slicer.app.clipboard().setText(self._text.plainText)

    def close(self) -> None:
        """Remove the window."""
        self._dialog.close()
        self._dialog.deleteLater()


class InstallationPanel:
    """Status, installing from the internet or a folder, and the report for support.

    Parameters
    ----------
    container : QWidget
        Gets the widgets.
    services : Services
        Its `installation` is a `SlicerInstallation`.
    """

    def __init__(self, container: Any, services: Services) -> None:
        self._installation: Any = services.installation
        self._check: WorkerCheck | None = None
        self._dialog: ReportDialog | None = None
        self._facts: Lines = []
        self._shown = ""
        _widget, self.ui = load_section("FacialLandmarks3DInstallation.ui", container)
        self.ui.installButton.connect("clicked()", self.install)
        self.ui.installFromFolderButton.connect("clicked()", self.install_from_folder)
        self.ui.checkInstallationButton.connect("clicked()", self.check)
        self._timer = qt.QTimer()
        self._timer.setInterval(_POLL_MILLISECONDS)
        self._timer.connect("timeout()", self._poll)
        self.refresh()

    def refresh(self) -> None:
        """Say what is installed now."""
        ready, text = self._installation.ready()
        self.ui.installationStatusLabel.text = text
        for button in (self.ui.installButton, self.ui.installFromFolderButton, self.ui.cpuOnlyCheckBox):
            button.enabled = not ready

    def install(self) -> None:
        """Install what is missing, after a question."""
        self._installation.backend = "cpu" if self.ui.cpuOnlyCheckBox.checked else None
        self._attempt(self._installation.ensure)

    def install_from_folder(self) -> None:
        """Install from the wheels in a folder that the user chooses."""
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Folder with the packages (.whl)"))
        if folder:
            self._attempt(lambda: self._installation.install_from_folder(folder))

    def check(self) -> None:
        """Show the report; the worker's answers are added when they come."""
        if self._dialog is None:
            self._dialog = ReportDialog(_("Facial Landmarks 3D: installation"))
        self._facts = self._installation.facts()
        try:
            self._check = self._installation.check()
        except RuntimeError as error:
            self._facts.append(("worker", str(error)))
            self._check = None
        self.ui.checkInstallationButton.enabled, self._shown = False, ""
        self._timer.start()
        self._poll()

    def cleanup(self) -> None:
        """Stop what goes on; the widgets end with their container."""
        self._timer.stop()
        if self._dialog is not None:
            self._dialog.close()
            self._dialog = None

    def _poll(self) -> None:
        more = self._check is not None and self._check.poll()
        lines = [*self._facts, *(self._check.lines if self._check else [])]
        if more:
            lines.append(("worker", _("loading the network...")))
        else:
            self._timer.stop()
            self.ui.checkInstallationButton.enabled = True
        text = as_text(lines)
        if self._dialog is not None and text != self._shown:
            self._dialog.show(text)
            self._shown = text

    def _attempt(self, install: Callable[[], None]) -> None:
        try:
            install()
        except InstallError as error:
            if not error.declined:
                slicer.util.errorDisplay(str(error), _("Facial Landmarks 3D: installation"))
        finally:
            self.refresh()
