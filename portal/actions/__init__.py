"""Changing: one function per action. Each asks the rooms below whether it may, appends its record, then commits."""
