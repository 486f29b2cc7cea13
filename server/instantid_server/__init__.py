"""The code behind the nodes of the model repository."""

import os
from importlib.metadata import version

# onnxruntime 1.29 and later report each run to their maker, and decide so when first imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = version("instantid-triton")
