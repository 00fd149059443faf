"""Open Inference Protocol V2 over REST: requests read and checked, answers written, described."""
