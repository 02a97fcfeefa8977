"""A fleet of sensors that sends for a while, bounded in time and requests, over loopback."""
