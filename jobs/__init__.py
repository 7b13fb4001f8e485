"""Work that outlives its request: asynchronous jobs with progress, cancelling and a report by rows.

A job is a row. Upper apps declare what kinds there are in their `job_kinds.py` (`registry`), and start one
with `services.lifecycle.job_create`; a worker runs it (`services.running`) under a lease that it keeps
renewing, so that a job whose worker was killed is repeated, or given up, by the sweep. May import `users`,
`events` and `crm_backend.common`. Start reading at `registry`, then `models`, then `services/running`.
"""
