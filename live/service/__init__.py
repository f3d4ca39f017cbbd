"""The live service: the control plane, and the process that trades."""
