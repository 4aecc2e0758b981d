"""What all suites share: timing, statistics, memory, reports, progress."""
