"""The built-in head, sculpted by code. `python -m emodiff_core.head` rebuilds the file that `load_builtin` reads."""
