"""The page: one self-contained HTML file with every run, number, figure and worst failure."""
