"""Settings every test shares."""

import os

from hypothesis import settings

# Time limits an example may take say more about the machine than about the code. On CI the examples are the same each run,
# so a red run is red again when it is looked into.
settings.register_profile("local", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
