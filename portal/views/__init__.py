"""Reading: one function per question, answering plain dicts; pages and API show the same ones."""
