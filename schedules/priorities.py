"""The priority of a run by its cause: a person waits for the run of a webhook or a request, not for a backfill's.

Backfills from the UI carry no tag of ours and so have priority 0: everything else comes before them.
"""

PRIORITY_TAG = "dagster/priority"
CAUSE_TAG = "code_index/lane"
GIT_HOST_TAG = "code_index/git_host"
PRIORITIES = {"webhook": 30, "request": 25, "poll": 20, "registry": 5, "nightly": 10}


def priority_tags(cause: str, host: str = "") -> dict[str, str]:
    """Tags of a run by what caused it; with a host, the limit of runs a host applies."""
    tags = {CAUSE_TAG: cause, PRIORITY_TAG: str(PRIORITIES[cause])}
    if host:
        tags[GIT_HOST_TAG] = host.replace(":", "_")
    return tags
