"""The code behind the nodes of the model repository."""

from importlib.metadata import version

__version__ = version("instantid-triton")
