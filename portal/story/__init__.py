"""The story: real people, real data and every door of the platform, played in order and checked at each step.

Drives the platform only from outside, as a browser or a notebook would: over HTTP, through the hub's proxy. `people`
and `datasets` are what an installation would have before its first day.
"""
