"""What every check shares: runner, sandbox, clients, server under test, report."""
