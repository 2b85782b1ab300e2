"""The priority of a run by its cause: a person waits for the run of a webhook or a request, not for a backfill's.

Backfills from the UI carry no tag of ours and so have priority 0: everything else comes before them. Priority alone
does not help a push while long runs have every place: dagster.yaml gives runs in bulk (`BULK_TAG`) two of the four
places and backfills one, so that one is always there for a push.
"""

PRIORITY_TAG = "dagster/priority"
CAUSE_TAG = "code_index/lane"
BULK_TAG = "code_index/bulk"
BULK = ("nightly", "registry")
GIT_HOST_TAG = "code_index/git_host"
PRIORITIES = {"webhook": 30, "request": 25, "poll": 20, "registry": 5, "nightly": 10}


def priority_tags(cause: str, host: str = "") -> dict[str, str]:
    """Tags of a run by what caused it; with a host, the limit of runs a host applies."""
    tags = {CAUSE_TAG: cause, PRIORITY_TAG: str(PRIORITIES[cause])}
    if cause in BULK:
        tags[BULK_TAG] = "yes"
    if host:
        tags[GIT_HOST_TAG] = host.replace(":", "_")
    return tags
