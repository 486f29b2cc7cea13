"""What the entry process sees to before anybody is served: keys, and what the policy names."""

from pathlib import Path

from instantid_server.permits import Permits
from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.trust.keys import Keys, KeysError, default_keys_folder, make_test_keys
from instantid_server.trust.policy import Policy, PolicyError
from instantid_server.trust.protected.registry import RegistryError
from instantid_server.trust.sieve.words import WordsError

_VERSION = "1"  # of the recogniser; the importer writes no other


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
    consent = policy.consent
    if not consent.required:
        said.append("policy: nobody's consent is needed to draw them; every record says so")
    if consent.templates:
        said.append("policy: consents bound to a face are taken, which a morph of two faces meets")
    if consent.raw_embeddings:
        said.append("policy: raw embeddings are taken; whoever holds one can draw its person")
    if not policy.prompts.sieve:
        said.append("policy: prompts are not looked at")
    if not policy.audit.refusals:
        said.append("policy: refusals are not put on record")
    return said


def check_permits(policy: Policy, keys_folder: Path, repository: Path) -> None:
    """Read every list that the policy names, as the public models will; raises ServingFailure."""
    try:
        Permits.load(policy, Keys.load(keys_folder), repository, _VERSION)
    except (KeysError, RegistryError, WordsError, OSError) as error:
        raise ServingFailure(FailureCode.POLICY, f"policy: {error}") from error


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
        keys = Keys.load(folder)
        _ = keys.audit, keys.audit_signing  # this process itself writes the audit log
    except (KeysError, OSError) as error:
        raise ServingFailure(FailureCode.KEYS, f"keys: {folder}: {error}") from error
    return said
