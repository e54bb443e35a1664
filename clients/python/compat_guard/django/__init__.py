"""Contracts from Django's models: the management command compat_guard."""
