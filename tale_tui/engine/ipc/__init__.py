"""The engine from another process: who is the engine of a data folder, and who is a client of it.

The first process on a data folder takes its lock and is the engine; every other one speaks to it over a unix
socket, JSON lines, no port. When the engine's process ends, a client that is left takes the lock and is the engine.
"""
