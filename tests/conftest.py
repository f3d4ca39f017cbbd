"""Settings every test shares."""

import os

from hypothesis import settings

# Time limits an example may take say more about the machine than about the code. The examples are the same on each run, so
# a red run is red again when it is looked into; EXPLORE=1 draws new ones.
settings.register_profile("same", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("explore" if os.environ.get("EXPLORE") else "same")
