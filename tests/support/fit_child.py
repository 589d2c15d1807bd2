"""In the place of a program that fits weights: it tells the names of the variables that it got."""

from __future__ import annotations

import json
import os

print(json.dumps({"kept": True, "before": 0.5, "after": 0.75, "changes": sorted(os.environ)}))
