"""Speaking HTTP to any server of models: its address and the client."""
