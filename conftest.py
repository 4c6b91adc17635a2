"""Every run of pytest, over tests or notebooks, is held to the strict rules for notebooks."""

pytest_plugins = ["tests.notebooks.strict"]
