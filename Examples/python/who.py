"""Where the server is, and who calls it: to a server with --auth GKICK_TOKEN says so. In plaintext, as in these examples, a token goes no further
than this machine unless that is said."""
import os
import re

ADDRESS = os.environ.get("GKICK_ADDRESS", "127.0.0.1:7450")
TOKEN = os.environ.get("GKICK_TOKEN")
if TOKEN and os.environ.get("GKICK_INSECURE_TOKEN") != "1" and not re.fullmatch(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?", ADDRESS):
    raise SystemExit(f"GKICK_TOKEN is not sent to {ADDRESS} in plaintext unless GKICK_INSECURE_TOKEN=1 says so")
# The metadata of every call.
WHO = [("authorization", f"Bearer {TOKEN}")] if TOKEN else None
