"""How much anybody may use: rates, shares, and calls to an Altan Pay that fails."""
