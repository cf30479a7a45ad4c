"""Installing what detection needs, with the user's consent, and telling what is installed."""
