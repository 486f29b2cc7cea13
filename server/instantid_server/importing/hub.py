"""The hub: fetches the files of a repository, at a revision, into huggingface_hub's own cache."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from instantid_server.importing.failure import ImportFailed

_ID = re.compile(r"(?P<repo_id>[\w-][\w.-]*/[\w-][\w.-]*)(@(?P<revision>[\w./-]+))?")
_INSTEAD = "or download its files elsewhere and give their folder"


@dataclass(frozen=True)
class HubSource:
    """A repository of the hub, as a person names it."""

    repo_id: str
    revision: str | None = None  # branch, tag or commit; None: the newest


@dataclass(frozen=True)
class Fetched:
    """Files that are on this machine now."""

    folder: Path
    revision: str  # the commit


def parse(source: str) -> HubSource | None:
    """Return the repository that `owner/name` or `owner/name@revision` names, None for others."""
    match = _ID.fullmatch(source)
    return None if match is None else HubSource(match["repo_id"], match["revision"])


def fetch(repo_id: str, revision: str | None, patterns: Sequence[str]) -> Fetched:
    """Return a folder with the files that match; raises ImportFailed.

    huggingface_hub shows its progress bars, goes on where a connection broke, and keeps the files
    that were complete when a call was interrupted.
    """
    try:
        folder = Path(snapshot_download(repo_id, revision=revision, allow_patterns=list(patterns)))
    except (HFValidationError, httpx2.HTTPError, OSError, RuntimeError) as error:
        raise ImportFailed(f"{repo_id}: {_reason(error, revision)}") from error
    if not any(path.is_file() for path in folder.rglob("*")):
        raise ImportFailed(f"{repo_id}: it has none of {', '.join(patterns)}")
    # huggingface_hub names the folder after the commit.
    return Fetched(folder, folder.name)


def _reason(error: Exception, revision: str | None) -> str:
    match error:  # most of the hub's own are OSErrors too
        case GatedRepoError():
            return (
                "its owner lets only those in who accept the terms on its page; accept them and "
                f"run `hf auth login`, {_INSTEAD}"
            )
        case RepositoryNotFoundError():
            return (
                "the hub has no such repository, or does not show it to you; check the name, run "
                f"`hf auth login`, {_INSTEAD}"
            )
        case RevisionNotFoundError():
            return f"the hub has no revision {revision} of it"
        case HFValidationError():
            return "this is no id of a repository on the hub"
        case LocalEntryNotFoundError() | httpx2.HTTPError() | ConnectionError() | TimeoutError():
            return (
                "the hub does not answer, and not all of it was fetched before; try again, which "
                f"keeps the files that are complete, {_INSTEAD}"
            )
    # A full disk; as a RuntimeError, where hf_xet writes.
    return (
        f"was not fetched into {constants.HF_HUB_CACHE} ({error}); make room or see who may write "
        "there, or name a folder on another disk as HF_HOME"
    )
