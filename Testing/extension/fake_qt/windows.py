"""Timers that run out when a test says so, and windows of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from fake_qt.objects import QObject, QWidget


class QTimer(QObject):
    """Runs out when told to."""

    made: ClassVar[list[QTimer]] = []
    once: ClassVar[list[Callable[[], Any]]] = []

    def __init__(self) -> None:
        super().__init__(active=False)
        self.__dict__["single"] = False
        QTimer.made.append(self)

    @staticmethod
    def singleShot(milliseconds: int, slot: Callable[[], Any]) -> None:
        QTimer.once.append(slot)

    def setSingleShot(self, single: bool) -> None:
        self.__dict__["single"] = single

    def setInterval(self, milliseconds: int) -> None:
        self.interval = milliseconds

    def start(self) -> None:
        self.active = True

    def stop(self) -> None:
        self.active = False

    @classmethod
    def running(cls) -> list[QTimer]:
        return [timer for timer in cls.made if timer.active]

    @classmethod
    def run_out(cls) -> None:
        """All timers that run, once."""
        waiting, cls.once[:] = list(cls.once), []
        for slot in waiting:
            slot()
        for timer in cls.running():
            timer.active = not timer.single
            timer.emit("timeout()")


class QPlainTextEdit(QWidget):
    NoWrap = 0

    def setReadOnly(self, only: bool) -> None: ...

    def setLineWrapMode(self, mode: int) -> None: ...

    def setFont(self, font: Any) -> None: ...

    def setPlainText(self, text: str) -> None:
        self.plainText = text


class QDialog(QWidget):
    made: ClassVar[list[QDialog]] = []

    def __init__(self, parent: Any = None) -> None:
        super().__init__(visible=False)
        self.__dict__["deleted"] = False
        QDialog.made.append(self)

    def setWindowTitle(self, title: str) -> None: ...

    def resize(self, width: int, height: int) -> None: ...

    def show(self) -> None:
        self.visible = True

    def raise_(self) -> None: ...

    def close(self) -> bool:
        self.visible = False
        return True

    def deleteLater(self) -> None:
        self.__dict__["deleted"] = True


class QFont:
    TypeWriter = 1

    def __init__(self, name: str) -> None: ...

    def setStyleHint(self, hint: int) -> None: ...
