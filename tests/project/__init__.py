"""Tests of the project itself: settings, logs, documents, layers."""
