"""Reports: what happened, for people: daily summaries and session validation."""
