"""Tests of `teiten_agent`: each file is a room, each name a promise."""
