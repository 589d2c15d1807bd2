"""In the place of the program that runs the fetched model of embeddings: `crash`, `hang`, `nonsense`, the
number of its `keys`, or the lengths."""

from __future__ import annotations

import base64
import json
import os
import struct
import sys
import time

for line in sys.stdin:
    asked = json.loads(line)
    first = asked["texts"][0]
    if first == "crash":
        sys.exit(3)
    if first == "hang":
        time.sleep(60)
    if first == "keys":
        asked["texts"] = [[name for name in os.environ if name.endswith("_KEY")]]
    vectors = [
        base64.b64encode(struct.pack("<2f", float(len(text)), float(asked["asks"]))).decode() for text in asked["texts"]
    ]
    print("no JSON" if first == "nonsense" else json.dumps({"vectors": vectors, "tokens": 7}), flush=True)
