"""`python -m data_gen`: the same as `python data_gen.py`."""

import sys

from data_gen.cli import main

if __name__ == "__main__":
    sys.exit(main())
