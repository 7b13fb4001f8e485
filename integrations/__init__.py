"""The outside's ways in: the gateway for clients of the Pusher protocol, and `/api/realtime/`.

What a channel is and who may follow it is declared by the apps above, in their `gateway_channels.py`. May
import `users`, `events` and `crm_backend.common`. Start reading at `registry`, then `consumers`.
"""
