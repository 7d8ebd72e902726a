"""The worker: one process that speaks with the server and never runs a job, and child processes that run them.

    server <--gRPC--> supervisor (supervisor.py, stream.py) <--sockets--> children (child.py)

So leases are kept whatever a job does: hold the GIL, block in C, crash, or be killed.
"""
