"""`python -m pipeline.cli` is the command `driftledger`."""

from pipeline.cli.app import main

main()
