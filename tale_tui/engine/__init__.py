"""The engine: everything that works without a screen.

It is spoken to by `api.EngineApi`, which `ipc.connect.open_engine` and `find_engine` give.
"""
