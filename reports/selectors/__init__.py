"""Reports: what is counted, how it is summed, and one module for each report."""
