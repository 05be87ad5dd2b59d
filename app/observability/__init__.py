"""Logs, metrics and alerts for the operator."""
