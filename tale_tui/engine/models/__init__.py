"""Models and where they run: four backends behind one protocol, and the one door to them."""

import sys

# httpx imports its own command line where what that needs is installed, and with it Rich and Pygments: 40 ms and 6 MB
# for nothing. An entry without a module makes that import fail, as it does where they are not installed.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
