"""Running the command line in this process."""

from command_line import command, main_job, three_runs  # noqa: F401 - fixtures
