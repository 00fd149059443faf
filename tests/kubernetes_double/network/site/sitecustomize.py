"""Lets a pod's Python find the double's Services; imported by every interpreter on its path."""

import doublenames  # type: ignore[import-not-found]  # found beside this file, in pods

doublenames.install()
