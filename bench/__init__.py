"""Measurements: each script prints figures and ratios of one run on this machine."""
