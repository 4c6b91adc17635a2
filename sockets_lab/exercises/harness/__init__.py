"""The machinery that all checks share: runner, sandbox, clients, server under test, report."""
