"""Populations with a known truth, for demonstrations and tests."""
