"""`python -m slipway.cli`: the same commands where no `slipway` script is installed."""

from slipway.cli import main

main()
