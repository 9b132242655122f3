"""The built-in emotion model; see card.md."""
