"""Read the keys of personal columns that an installation's settings name."""

from __future__ import annotations

from slipway.settings import Settings
from slipway.stages.model.personal_keys import PersonalKeys


def personal_keys(settings: Settings) -> PersonalKeys:
    """Return the keys of an installation; none where the settings name none."""
    if settings.pii_keys is None:
        return PersonalKeys.read(settings.pii_key_file)
    text = settings.pii_keys.get_secret_value()
    return PersonalKeys.parse(text.encode(), where="SLIPWAY_PII_KEYS")
