"""Infer a model's pixel range and class order where nobody recorded them.

Read first: `findings` (the user's options completed by evidence), `evidence` (the decisions and
their thresholds), `responses` (a network's answers to synthetic faces).
"""
