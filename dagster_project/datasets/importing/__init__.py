"""Files of other programs, read into streams of events and looked at."""

from dagster_project.datasets.importing.formats import FORMATS, find_format, read_files
from dagster_project.datasets.importing.options import ImportOptions, read_options
from dagster_project.datasets.importing.outcome import Imported, ImportedStream, ImportFinding

__all__ = ["FORMATS", "ImportFinding", "ImportOptions", "Imported", "ImportedStream", "find_format", "read_files", "read_options"]
