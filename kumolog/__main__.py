"""``python -m kumolog``."""

import sys

from kumolog.cli import main

sys.exit(main())
