"""Resources that every domain shares."""

import dagster as dg

from dagster_project.home import Home, open_home


class HomeResource(dg.ConfigurableResource):
    """Own the paths under INTERLOCK_HOME."""

    def open(self) -> Home:
        """Give the home of this process."""
        return open_home()


@dg.definitions
def shared_resources() -> dg.Definitions:
    """Bind the resources to their names."""
    return dg.Definitions(resources={"home": HomeResource()})
