"""The daemon: opens the parts, runs the loop, and keeps within its share of the processor.

Read first: `loop`, one screen that joins the stages; then `watching`, which decides when there is a
frame to work on, and `reload`. `parts` validates and checks every part (`directories`: those of the
diary and the outbox; `permissions`: with the service's rights), `alerting` opens the alerts' parts.
`governor` and `thermal` bound the work, `status` and `metrics` report on it, `systemd`, `signals`
and `reload_answer` talk to the system.
"""
