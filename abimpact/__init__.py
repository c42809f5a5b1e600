"""abimpact: what a new ML variant is worth against the rules it would replace."""
