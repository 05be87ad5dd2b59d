"""Compares the service with common alternatives, on one machine, over loopback.

Run `python -m bench`, or `make bench`. It starts real processes and drives them itself; no figure
is a pass or a failure, but a lost or a refused request is.
"""
