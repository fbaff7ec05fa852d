"""Systems of others, rebuilt from their descriptions, and trained and measured as ours are."""
