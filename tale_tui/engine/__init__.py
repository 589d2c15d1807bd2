"""The engine: everything that works without a screen.

It is spoken to by `api.EngineApi`, which `link.open_engine` and `link.find_engine` give.
"""
