"""The sandbox: Altan Pay, Stripe's hosted page and a small shop, played on this machine.

It meets the service over HTTP only and imports nothing of it, so that an error in the service
cannot hide behind the same error here.
"""
