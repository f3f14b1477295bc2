"""Webhooks: having a URL told when one's cases grow. What comes is checked by `escrow.client.webhook`."""

import secrets

from escrow.client.courier import Hook
from escrow.client.desk import Desk
from escrow.errors import SetupError
from escrow.model.webhook import HOOK_BYTES, Target
from escrow.model.wire import check_hex


class HookVerbs(Desk):
    """Adding, listing and removing webhooks of this party's card."""

    def add_hook(self, url: str, *, hook: str | None = None) -> Hook:
        """Have `url` told of new entries in this card's cases from now on.

        `hook`: 32 hex digits of your own choice, so that the same call again changes nothing; None: drawn
        here. Refused here already: MalformedError `hook_url_malformed`. By the service: RefusedError
        `hooks_not_offered`, `hooks_full`, `hook_taken`, `hook_closed`, `hook_needs_case`.
        """
        Target.parse(url)
        chosen = secrets.token_hex(HOOK_BYTES) if hook is None else _checked(hook)
        return self.courier.add_hook(chosen, url)

    def hooks(self) -> tuple[Hook, ...]:
        """This card's webhooks as the service says, in the order of their ids."""
        return self.courier.hooks()

    def remove_hook(self, hook: str) -> Hook:
        """Close it for good; again, nothing happens. NotFoundError `not_found`."""
        return self.courier.remove_hook(_checked(hook))

    def webhook_key(self) -> str:
        """By which the pinned service signs webhooks, for `webhook.verify`; ask once, and keep it.

        SetupError `webhook_key_missing`: the service is of a version that sends none. Errors as `service`.
        """
        self.service()
        key = self.courier.service().webhook_key
        if key is None:
            raise SetupError("webhook_key_missing", url=self.courier.url)
        return key


def _checked(hook: str) -> str:
    return check_hex(hook, size=HOOK_BYTES, field="hook")
