"""Let a pod's Python resolve Services of the double; imported by every interpreter."""

import doublenames  # type: ignore[import-not-found]  # found beside this file, in pods

doublenames.install()
