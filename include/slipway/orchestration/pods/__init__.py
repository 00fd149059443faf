"""Stages in Kubernetes pods: operator, pod shape, failures, launcher, reaper."""
