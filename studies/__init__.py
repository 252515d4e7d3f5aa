"""What we want to know: the command line, and studies over many cases."""
