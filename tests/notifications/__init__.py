"""Tests of notifications below HTTP."""
