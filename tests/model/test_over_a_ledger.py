"""What members see is the same where a journal over a ledger decides, late or not."""

from __future__ import annotations

from tests.support.journals import over_ledger

MODULES = (
    "model.test_chat_model",
    "model.test_sessions_model",
    "unit.test_accounts",
    "unit.test_accounts_at_the_door",
    "unit.test_authorisation",
    "unit.test_commands",
    "unit.test_formats",
    "unit.test_going_on",
    "unit.test_helping_owners",
    "unit.test_line_door_limits",
    "unit.test_line_end_kinds",
    "unit.test_moderation",
    "unit.test_posting",
    "unit.test_presence",
    "unit.test_protocol",
    "unit.test_restraining",
    "unit.test_room",
    "unit.test_rooms",
    "unit.test_sessions",
    "unit.test_settings",
    "unit.test_slips_at_the_door",
    "unit.test_talking",
    "unit.test_topics",
    "unit.test_web_members",
)

for _module in MODULES:
    for _is_late in (False, True):
        globals().update(over_ledger(f"tests.{_module}", _is_late, __name__))

# It counts calls, also those by which a late ledger is waited for.
del globals()["ManyRoomsTestsOf_rooms_late"]
