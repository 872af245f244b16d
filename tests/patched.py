"""A gevent process, as the program's own: loaded by pytest before the plugins that installed packages bring, which
import what is to be patched (`-p tests.patched` in pyproject.toml).
"""

import gevent.monkey

gevent.monkey.patch_all()
