"""What the end-to-end suites share: stubs made from Protos/, a gkick server as a child process, a worker that a test steers."""
import os

# Read when grpc is loaded: its handlers around fork() now and then abort a child before it has become the program that a test starts.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
