"""Logs for machines: each line on standard error is a JSON object."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

# `json.dumps` would make a new one for each line.
ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)


class JsonFormatter(logging.Formatter):
    """Formats a log record as a JSON object, with the members of its `extra={"fields": {…}}`.

    Example:
        >>> record = logging.LogRecord("server", logging.INFO, "", 0, "serving", None, None)
        >>> record.fields = {"port": 8501}
        >>> line = json.loads(JsonFormatter().format(record))
        >>> line["level"], line["message"], line["port"]
        ('info', 'serving', 8501)
    """

    def format(self, record: logging.LogRecord) -> str:
        """The JSON object as one line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return ENCODER.encode(line)


def log_as_json() -> None:
    """Make all logs of this process JSON lines on standard error.

    Example:
        >>> import subprocess
        >>> code = "import logging, captcha_keras.serving.logs as logs; logs.log_as_json(); logging.warning('busy')"
        >>> process = subprocess.run([sys.executable, "-c", code], capture_output=True)
        >>> json.loads(process.stderr)["message"]
        'busy'
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # AccessLog writes a line for each request already.
    logging.getLogger("uvicorn.access").disabled = True
