"""What the end-to-end suites share: stubs made from Protos/, a gkick server as a child process, a worker that a test steers."""
