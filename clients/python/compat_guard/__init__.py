"""Contracts for the PostgreSQL extension compat_guard, from models of Django or SQLAlchemy."""
