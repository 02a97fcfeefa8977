"""What `make torture` runs for long, the suite for short: kills, bad networks, full disks, hostile bytes."""
