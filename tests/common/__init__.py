"""Tests of common below HTTP."""
