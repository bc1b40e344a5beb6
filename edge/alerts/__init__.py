"""Rules that turn readings into alerts. Pure: time comes with the frames.

Read first: `rules`, which joins the rules (`rule` says what each must offer); then `count`, the one
for negative readings. `absence` is the rule for a camera that sees no face, `trend` compares the
last week with those before it, `retired` clears what is raised but no longer configured.
"""
