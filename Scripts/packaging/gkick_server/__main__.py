"""`python -m gkick_server server ...`: the executable takes this process's place."""
import os
import sys

from gkick_server import executable

os.execv(executable(), ["gkick", *sys.argv[1:]])
