"""Play the story against a running platform."""

from pathlib import Path

from rich.console import Console

from portal.story.checklist import Checklist
from portal.story.steps import STEPS
from portal.story.world import World


def play(url: str, home: Path, passwords: dict[str, str], console: Console) -> None:
    """Every step in order; raises StoryFailed (or Refusal) at the first claim that does not hold."""
    checklist = Checklist(console, [title for title, _ in STEPS])
    world = World(url, home, passwords, checklist)
    try:
        with checklist.shown():
            for number, (_, play_step) in enumerate(STEPS, 1):
                with checklist.step(number):
                    play_step(world)
    finally:
        world.close()
