"""Every name under a prefix, page by page: memory does not grow with a bucket."""

from collections.abc import Iterator

from escrow.store.interface import MAX_PAGE, Bucket, Store


def every_name(store: Store, bucket: Bucket, prefix: str, *, after: str = "") -> Iterator[str]:
    """Sorted, strictly after `after`; one store call for each thousand."""
    while True:
        page = store.names(bucket, prefix, after=after)
        yield from page
        if len(page) < MAX_PAGE:
            return
        after = page[-1]
