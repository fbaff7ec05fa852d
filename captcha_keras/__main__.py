"""`python -m captcha_keras <command>`"""

import sys

from captcha_keras.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
