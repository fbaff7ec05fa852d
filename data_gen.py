"""Draw the data set: python data_gen.py --help"""

import sys

# A package wins over a module of the same name, so this is the package data_gen/ beside this file.
from data_gen.cli import main

if __name__ == "__main__":
    sys.exit(main())
