"""Bundles and payloads straight from storage: what a service would hand out, when there is none."""

from collections.abc import Iterator
from contextlib import contextmanager

from escrow.admin.cases import owners_of, replay, require_own
from escrow.client.courier import PayloadStream, UntrustedRequest
from escrow.errors import NotFoundError
from escrow.ledger.bundle import compose, select
from escrow.ledger.entry import MAX_ENTRY
from escrow.model.ids import CaseId, Hash, RecordId, UploadId
from escrow.model.share_object import MAX_SHARE_OBJECT
from escrow.store import names
from escrow.store.interface import Bucket, Store


class StoreCourier:
    """Carries one release, as escrow/client/courier.py `ReleaseCourier` says.

    It believes the store no more than a client believes a service: whoever gets a bundle verifies it.
    """

    def __init__(self, store: Store, upload: UploadId | None = None) -> None:
        """`upload`: of the record whose payload is asked for, where the caller knows it; saves replaying."""
        self._store = store
        self._upload = upload

    @property
    def url(self) -> str:
        """No service is asked."""
        return ""

    def bundle(self, case: CaseId, request: Hash) -> bytes:
        """Without what is lost of share objects. RefusedError `request_unknown`, `not_released`; ForgedError
        `case_of_other_service`.
        """
        state = replay(self._store, case)
        require_own(owners_of(self._store), state)
        parts = select(state, request)
        self._upload = state.record(state.request(request).record).body.payload.upload
        entries = [
            self._store.get(Bucket.LEDGER, names.entry(case, n), limit=MAX_ENTRY).decode("ascii")
            for n in parts.entries
        ]
        shares = {one: found for one in parts.shares if (found := self._share(case, one)) is not None}
        return compose(entries, shares)

    @contextmanager
    def payload(self, case: CaseId, record: RecordId, *, start: int) -> Iterator[PayloadStream]:
        if self._upload is None:
            self._upload = replay(self._store, case).record(record).body.payload.upload
        name = names.payload(case, self._upload)
        total = self._store.payload_length(name)
        yield PayloadStream(total=total, chunks=self._store.payload(name, start=min(start, total)))

    def request(self, case: CaseId, request: Hash) -> UntrustedRequest:
        """Nobody is asked twice: `bundle` has said why there is none."""
        raise NotFoundError("not_found")

    def _share(self, case: CaseId, name: Hash) -> bytes | None:
        try:
            return self._store.get(Bucket.RECORDS, names.share(case, name), limit=MAX_SHARE_OBJECT)
        except NotFoundError:
            return None
