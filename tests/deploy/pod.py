"""A pod's container imitated on this machine: the manifest's command in namespaces of its own.

It has a /tmp and a /dev/shm for itself, the other places of the manifest lie below a /mnt of its
own, and all else of this machine is read-only. The process is user 1000 without any capability, and
has no variables but the manifest's and the image's. Who runs the tests need not be root: to the
outside, user 1000 is they.
"""

import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.known_keys import make_known_keys
from tests.deploy.manifests import Manifest, arguments_of, container, quantity
from tests.e2e.server import LENIENT, ROOT, Ports

USER = 1000
_PLACE = "/mnt"
_INSTANTID = Path(sys.executable).with_name("instantid")
_ENTER = ["unshare", "--user", "--map-root-user", "--mount"]
_BECOME_USER = ["unshare", "--user", f"--map-user={USER}", f"--map-group={USER}"]
# $1 folder with the volumes; $2 checkout; $3 repository's name; $4 size of /dev/shm
_MOUNTS = f"""
mount -t tmpfs tmpfs {_PLACE}
cd {_PLACE}
mkdir -p models/$3 keys policy records checkout
mount --bind "$2/model_repository" models/$3
mount --bind "$1/keys" keys
mount --bind "$1/issuers" keys/issuers
for name in policy records; do mount --bind "$1/$name" $name; done
for name in models/$3 keys keys/issuers policy; do mount -o remount,bind,ro $name; done
mount --rbind "$2" checkout
mount -t tmpfs tmpfs /tmp -o mode=1777
if [ ! -d "$2" ]; then mkdir -p "$2"; mount --rbind checkout "$2"; fi # it lies below /tmp
mount -t tmpfs tmpfs /dev/shm -o mode=1777,size=$4
mount -o remount,ro {_PLACE}
mount -o remount,bind,ro /
cd /
shift 4
exec "$@"
"""


def missing_rights() -> str:
    """Return why no pod can be imitated here, or nothing."""
    if shutil.which("setpriv") is None or shutil.which("unshare") is None:
        return "util-linux is not installed"
    tried = subprocess.run([*_ENTER, *_BECOME_USER, "true"], capture_output=True)
    return "namespaces may not be made here" if tried.returncode else ""


@dataclass(frozen=True)
class RunningPod:
    """The container's process, and where its ports and volumes are on this machine."""

    process: subprocess.Popen[bytes]
    ports: Ports
    records: Path
    log: Path

    def url(self, port: str) -> str:
        """Return the address of a port by its name in the manifest."""
        return f"127.0.0.1:{asdict(self.ports)[port]}"


@contextlib.contextmanager
def running_pod(pod: Manifest, folder: Path) -> Iterator[RunningPod]:
    """Run the server of a pod on the CPU; it is ended with the block, however that ends."""
    for name in ("policy", "records"):
        (folder / name).mkdir()
    (folder / "policy" / "policy.toml").write_text(LENIENT)
    _write_keys(folder)
    ports = Ports.free()
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*_ENTER, "sh", "-ec", _MOUNTS, "sh", *_arguments(pod, folder, ports)],
            env=_environment(pod),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield RunningPod(process, ports, folder / "records", log)
    finally:
        process.send_signal(signal.SIGKILL)  # its leash ends all that is left
        process.wait()


def _arguments(pod: Manifest, folder: Path, ports: Ports) -> list[str]:
    server = container(pod)
    shm = next(v for v in pod["spec"]["volumes"] if v["name"] == "shm")["emptyDir"]["sizeLimit"]
    repository = {e["name"]: e.get("value") for e in server["env"]}["REPOSITORY"]
    of_mounts = [str(folder), str(ROOT), repository, f"{quantity(shm):.0f}"]
    flags = [_here(argument, server) for argument in arguments_of(server)]
    # The embedded Triton listens on this machine's own addresses alone. The last of a flag counts.
    flags += ["--host=127.0.0.1", *(f"--{k}-port={v}" for k, v in asdict(ports).items())]
    return [*of_mounts, *_BECOME_USER, "setpriv", "--no-new-privs", str(_INSTANTID), *flags]


def _here(argument: str, server: Manifest) -> str:
    flag, _, value = argument.partition("=")
    if value.startswith("/opt/instantid/"):  # what the image has copied from the checkout
        return f"{flag}={ROOT / value.removeprefix('/opt/instantid/')}"
    mounts = tuple(mount["mountPath"] for mount in server["volumeMounts"])
    return f"{flag}={_PLACE}{value}" if value.startswith(mounts) else argument


def _environment(pod: Manifest) -> dict[str, str]:
    requests = container(pod)["resources"]["requests"]
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/tmp",  # as in the Dockerfile
        "OMP_NUM_THREADS": requests["cpu"],
    }


def _write_keys(folder: Path) -> None:
    """Write keys as the kubelet mounts a Secret, and their issuers apart, as a ConfigMap.

    A Secret is a folder of links to files that nobody may write.
    """
    keys, files = folder / "keys", folder / "keys" / "..1"
    keys.mkdir()
    make_known_keys(files)
    (files / "issuers").rename(folder / "issuers")
    (keys / "issuers").mkdir()  # where the other volume goes
    (keys / "..data").symlink_to(files.name)
    for path in files.iterdir():
        path.chmod(0o440)
        (keys / path.name).symlink_to(f"..data/{path.name}")
