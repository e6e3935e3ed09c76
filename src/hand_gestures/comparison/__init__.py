"""Is the classifier worth its cost, and which of its inputs matter? The same clips, other networks and fewer inputs."""
