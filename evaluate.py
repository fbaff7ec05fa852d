"""Measure a network: python evaluate.py --help"""

import sys

from captcha_keras.cli.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
