"""What starts runs: events from webhooks and polls, and what is due by itself. No Dagster here: `schedules/` asks."""
