"""Buy below the average with resting limit orders, sell at the average."""
