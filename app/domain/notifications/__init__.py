"""Notifications for the shop's systems: signatures, attempts, forbidden addresses."""
