"""Follow the trend: long while the fast average is above the slow one."""
