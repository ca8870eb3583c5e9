"""Delivery: a match reaches its endpoint, at least once and under one id."""
