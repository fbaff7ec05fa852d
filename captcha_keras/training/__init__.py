"""Training: settings, run folder, one loop, exact resume. Never draws plots."""
