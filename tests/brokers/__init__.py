"""Branches, BDMs and brokers: what only shows below HTTP."""
