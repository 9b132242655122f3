"""The built-in generator; see card.md."""
