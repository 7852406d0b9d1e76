"""Commands that measure Parley beside a peer: same work, machine, threads and precision, interleaved in one run.

Nothing here is a test, and no test asserts a time. `make bench` lists the commands.
"""
