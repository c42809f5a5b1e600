"""`python -m abimpact`."""

from abimpact.cli.main import main

raise SystemExit(main())
