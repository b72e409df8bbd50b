from otree.api import *

from . import *


class PlayerBot(Bot):
    def play_round(self):
        if self.player.role == C.SENDER_ROLE:
            yield SubmissionMustFail(Send, dict(sent=C.ENDOWMENT + 1), error_fields=['sent'])
            yield Send, dict(sent=6)
        else:
            yield SubmissionMustFail(GiveBack, dict(returned=19), error_fields=['returned'])
            yield GiveBack, dict(returned=8)
        expect(self.player.payoff, 12 if self.player.role == C.SENDER_ROLE else 10)
        expect(self.subsession.average_sent, 6)
        yield Results
