"""What the entry process sees to before pictures can be trusted: keys, and the policy page."""

from pathlib import Path

from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.trust.keys import Keys, KeysError, default_keys_folder, make_test_keys
from instantid_server.trust.policy import Policy, PolicyError


def read_policy(path: Path | None) -> Policy:
    """Return the policy of a page, or the safe one; raises ServingFailure for a page that is none.

    A policy in the environment is no operator's page and would be a way around it, so it is not
    looked at.
    """
    if path is None:
        return Policy()
    try:
        return Policy.read(path)
    except (OSError, PolicyError) as error:
        raise ServingFailure(FailureCode.POLICY, f"policy: {error}") from error


def weakened(policy: Policy) -> list[str]:
    """Return in words what a policy leaves out of what is on by default."""
    said = []
    if policy.safety.checker == "none":
        said.append("policy: no safety checker judges the pictures; every record says so")
    if policy.mark.watermarker == "none":
        said.append("policy: pictures hold no pixel mark; credentials are lost when they are cut")
    return said


def prepare_keys(folder: Path) -> list[str]:
    """See to it that there are keys; return what to tell the person who started the server.

    Keys for tests are made where the default folder is empty, so that a first start needs no other
    command. A folder that was named is never filled: its keys are missing by mistake. Raises
    ServingFailure.
    """
    said = []
    try:
        if folder == default_keys_folder() and not folder.exists():
            make_test_keys(folder)
            said.append(f"made keys and a test certificate in {folder}; outside, nobody trusts it")
        Keys.load(folder)
    except (KeysError, OSError) as error:
        raise ServingFailure(
            FailureCode.KEYS, f"keys: {error}; make some with: instantid keys init {folder}"
        ) from error
    return said
