"""The HTTP interface: connections, routes, bodies."""
