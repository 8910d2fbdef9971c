"""Requests to addresses that somebody else chose: each is checked, then connected to as checked."""
