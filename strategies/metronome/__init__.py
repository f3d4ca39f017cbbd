"""A drill for venues: it always trades, and believes nothing."""
