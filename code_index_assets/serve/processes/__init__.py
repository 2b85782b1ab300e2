"""The process in front and the process that answers, and how they talk."""
