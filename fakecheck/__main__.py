"""`python -m fakecheck` is `fakecheck`."""

from fakecheck.cli.main import main

main()
