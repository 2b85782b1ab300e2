"""The Dagster assets: load, call a room, write, attach metadata. No logic of their own."""

import warnings

import dagster as dg

# backfill_policy (beta) and partitioned checks (preview) are used on purpose; a snapshot test holds what they give.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
