"""Load the plugins of every run of pytest, over tests or notebooks."""

import signal

pytest_plugins = ["tests.notebooks.strict", "tests.support.sharing", "tests.support.progress"]

# A shell starts jobs in the background with Ctrl-C ignored, and so may whatever starts CI. Tests
# that interrupt, and the kernels that they start, need it as a terminal has it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
