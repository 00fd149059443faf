"""One file per outside tool; each fulfils a protocol that a stage declares."""
