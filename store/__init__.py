"""The floor of the house: settings, secrets, the database session and the one error base.

Knows no domain: what a grant or a job is stands in the rooms above.
"""
