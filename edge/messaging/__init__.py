"""Alerts and what follows them, and state; nothing on the network holds up the loop.

Read first: `topics` (what is sent), `outbox` (what survives a restart), then `publisher`, which
compares `desired` topics with what a `session` has published over a `connection`; `connector` keeps
one open. `announcer` tells Home Assistant of the device (`discovery`: what; `birth`: when again).
The outbox is a `database` of `alert_queue`, `reactions`, `alert_memory`, `open_episodes` and
`announced`; a `bounded_queue` has a limit. What follows an alert: `actions` (messages for other
devices), `notification` (what a person is told), which a `notifier` sends by services of `notify`;
`trial` sends all of it at once, for `fer-edge test-alert`.
`credentials` reads passwords and certificates; `probe` tests a broker for `fer-edge check`, `hints`
says what to do about its refusals.
"""
