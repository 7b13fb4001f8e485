"""What happens to branches, BDMs and brokers."""

from events.recording import record_events

BRANCH = record_events("branch")
BDM = record_events("bdm")
BROKER = record_events("broker")
