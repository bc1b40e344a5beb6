"""What the user may set: frozen records with the defaults, read strictly from TOML.

Read first: `schema` (every key and its default; `alerts` has those of an alert), then `loader`
(the file). `binding` turns TOML tables into records, `checks` has what spans several keys, `names`
what topics can hold, and `paths` the places of files.
"""
