"""HTTP routes, thin: authority, one call of the service, a view."""
