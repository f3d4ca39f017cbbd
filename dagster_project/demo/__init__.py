"""The demo: the whole way from market bars to a killed strategy, each claim checked as it is made."""
