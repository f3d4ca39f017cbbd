"""The workbench: everything a person works with, started together on one machine by `make dev`."""
