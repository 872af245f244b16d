"""Functions of docs/receivers, run on this machine as their platforms run them."""
