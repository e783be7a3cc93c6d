"""The story stops at the first thing that is not as it should be."""


class StoryFailed(Exception):
    """A step did not hold; the text says which claim and what was seen instead."""
