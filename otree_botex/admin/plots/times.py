"""Which pages participants have left, and how: by oTree's page times, which have no page that was skipped."""

from __future__ import annotations

from collections import defaultdict

from otree.common2 import TimeSpentRow
from otree.database import db
from otree.models import Session
from otree.models_concrete import PageTimeBatch


def completed(session: Session) -> dict[int, dict[int, bool]]:
    """The numbers of the pages that each seat of a session has left, by the seat's number, each with whether that was
    because its time was up, be it by its timer, by oTree or by “Advance slowest”. Pages of waiting are not among them.
    """
    found: dict[int, dict[int, bool]] = defaultdict(dict)
    batches = db.query(PageTimeBatch.text).filter(PageTimeBatch.text.contains(session.code))
    for (batch,) in batches.order_by(PageTimeBatch.id):
        for line in batch.splitlines():
            row = TimeSpentRow(*line.split(","))
            number = int(row.page_index)
            # number 0 is the link that was opened
            if row.session_code == session.code and number and row.is_wait_page == "0":
                found[int(row.participant_id_in_session)][number] = row.timeout_happened == "1"
    return found
