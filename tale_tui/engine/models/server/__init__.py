"""What speaking to any server takes: its address and the wire."""
