"""A window with a text that can be copied."""

from __future__ import annotations

import qt
import slicer

from ..translation import _

_WIDTH, _HEIGHT = 760, 520


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
        layout.addWidget(qt.QLabel(_("It names folders of this computer; read it before you pass it on.")))
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
        if not self._dialog.isVisible():
            self._dialog.show()
        self._dialog.raise_()

    def copy(self) -> None:
        """Put the text on the clipboard."""
        slicer.app.clipboard().setText(self._text.toPlainText())

    def close(self) -> None:
        """Remove the window."""
        self._dialog.close()
        self._dialog.deleteLater()
