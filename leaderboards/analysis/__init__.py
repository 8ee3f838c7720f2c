"""What can be asked of runs beyond a table: comparisons, slices, risk against coverage."""
