"""The failure of an import, told to the operator who started it."""


class ImportFailed(Exception):
    """The import cannot go on; the message says what is wrong, where, and how to mend it."""
