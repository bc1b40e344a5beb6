"""`fer-edge export`: the diary as a table of files for research, one for each device and day.

Read first: `columns` (what the table has), then `source` (from the diary's lines to rows),
`parts` (how a file appears whole) with `known` (which rows are new), `forms` (Parquet and CSV), and
`run`, which joins them. `dictionary` says in the exported folder what its columns mean; `archives`
knows what need not be read again.
"""
