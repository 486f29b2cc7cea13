"""The token that docker/gateway/README.md shows how to make is one that Envoy is told to take."""

import json
import re
import subprocess
import sys
from pathlib import Path

import jwt

GATEWAY = Path(__file__).parents[2] / "docker" / "gateway"
PROGRAM = re.findall(r"```python\n(.*?)```", (GATEWAY / "README.md").read_text(), re.DOTALL)


def test_token_is_of_the_issuer_audience_and_key_that_envoy_asks_for(tmp_path: Path) -> None:
    (program,) = PROGRAM
    made = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    provider = re.search(
        r"issuer: (\S+)\s+audiences: \[(\S+)\]", (GATEWAY / "envoy.yaml").read_text()
    )
    assert provider is not None
    (key,) = json.loads((tmp_path / "callers.jwks").read_text())["keys"]
    claims = jwt.decode(
        made.stdout.strip(),
        jwt.PyJWK(key, "EdDSA"),
        algorithms=["EdDSA"],
        issuer=provider[1],
        audience=provider[2],
        options={"require": ["exp", "sub"]},
    )
    assert claims["sub"] == "studio"
