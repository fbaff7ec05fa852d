"""Train, measure and serve a multi-head CNN that reads text CAPTCHAs.

`__init__.pyi` lists the public names. Importing this package loads neither TensorFlow nor Keras; each name is imported
from the module that defines it when it is first used.

Example:
    >>> import captcha_keras
    >>> captcha_keras.list_pretrained()
    ['any', 'captcha']
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.2.0"
