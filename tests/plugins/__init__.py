"""Plugins of the test run: `routes` (every route × method × case), `reports` (files in `var/reports`)."""
