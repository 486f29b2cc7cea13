"""The settings of c2pa: who is trusted, and that nothing is fetched from anywhere."""

from c2pa import Context

from instantid_server.trust.anchors import Anchors

# This version of c2pa trusts a picture's signer below whatever list, those of other kinds included;
# it says below which one, and only this one counts.
SIGNERS = "signers"

_SIGNING_PURPOSES = (
    "1.3.6.1.5.5.7.3.4",  # e-mail
    "1.3.6.1.5.5.7.3.36",  # documents
    "1.3.6.1.4.1.62558.2.1",  # C2PA's own
)


def make_context(anchors: Anchors) -> Context:
    """Return a context of this process; one that was made before a fork is dead in the child."""
    lists = [_trust_list(SIGNERS, "manifest", anchors.signers)]
    if anchors.timestamps:
        lists.append(_trust_list("timestamps", "tsa", anchors.timestamps))
    return Context.from_dict(
        {
            "trust": {"anchors": lists, "trust_config": "\n".join(_SIGNING_PURPOSES)},
            # A file that somebody sends may name an address; asking there would be for him. One
            # setting is enough today, the other makes it two locks.
            "verify": {
                "remote_manifest_fetch": False,
                "ocsp_fetch": False,
                "verify_after_sign": False,  # PictureSigner does, and demands more than "valid"
            },
            "core": {"allowed_network_hosts": []},
            "builder": {"thumbnail": {"enabled": False}},  # else one of a portrait is embedded
        }
    )


def _trust_list(name: str, kind: str, certificates: str) -> dict[str, str]:
    return {"trust_uri": name, "trust_kind": kind, "trust_anchors": certificates}
