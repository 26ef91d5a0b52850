"""Scheduling of jobs over devices and executors."""
