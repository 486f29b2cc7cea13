"""Turns real InstantID weights into a model repository: the same as `instantid import`.

python -m scripts.import_weights OUTPUT --ip-adapter ... --identitynet ... --base ... --faces ...
"""

import sys

from instantid_client.cli import main

if __name__ == "__main__":
    sys.exit(main(["import", *sys.argv[1:]]))
