"""Where evidence is made: data, datasets and the demo; the live service never imports this package."""
