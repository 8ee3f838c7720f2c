"""The numbers of the paper's Tables 1 to 7, as printed, with footnotes: data beside this file."""
