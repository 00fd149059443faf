"""Roll out: reconcile, verify a candidate, shift traffic, switch, promote the champion."""
