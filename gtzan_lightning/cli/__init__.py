"""The command line: each verb in a small file of its own."""
