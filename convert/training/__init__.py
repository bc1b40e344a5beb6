"""Train expression networks on faces, and keep the best epoch.

Read first: `train` (data to file), `recipe` (all settings of a training), `dataset`
(what to train and validate on), `fit` (the epochs). `networks` and `report_networks` build.
"""
