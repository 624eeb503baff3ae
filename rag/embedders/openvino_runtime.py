"""`openvino` without its model converter. Layer: adapters.

The package imports the converter where it is installed, and with it a telemetry library: two thirds of the time of the
import, and code that has no business in a process that promises to send nothing.
"""

from __future__ import annotations

import sys

_CONVERTER = "openvino.tools.ovc"
_hidden = _CONVERTER not in sys.modules
if _hidden:
    sys.modules[_CONVERTER] = None  # type: ignore[assignment]  # to the import system: not installed
try:
    import openvino
    from openvino import opset13 as ops
finally:
    if _hidden:
        del sys.modules[_CONVERTER]

__all__ = ["openvino", "ops"]
