"""The sandbox: Altan Pay, Stripe's hosted page and a small shop, simulated on this machine.

It talks to the service over HTTP only and imports none of its code, so that a bug in the service
cannot hide behind the same bug here.
"""
