"""Compares the service with common alternatives, on one machine, over loopback.

Run `python -m bench`, or `make bench`. It starts real processes and sends requests to them. Slow
figures do not fail the run, but lost or refused requests do.
"""
