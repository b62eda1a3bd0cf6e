"""Real servers as plain processes on this machine, for tests and for `driftledger dev up`: no containers.

Each listens on a free port of 127.0.0.1, keeps its files in a folder of its own and is ended by its id.
"""
