"""The command line: parses arguments, calls one function, returns an exit status."""
