"""What the web server runs: the pages under one navigation."""

from __future__ import annotations

import os

from dashboards.shell import main
from pipeline.settings.load import load

main(load(environ=os.environ))
