from otree.api import *

from . import *


class PlayerBot(Bot):
    cases = [True, False]

    def play_round(self):
        yield Introduction
        pie = get_pie(self.group)
        if self.player.role == C.PROPOSER_ROLE:
            yield SubmissionMustFail(Offer, dict(offer=pie + 1))
            yield Offer, dict(offer=4)
        else:
            yield SubmissionMustFail(Answer, dict(), check_html=False)
            yield Answer, dict(accepted=self.case)
        share = 4 if self.player.role == C.RESPONDER_ROLE else pie - 4
        expect(self.player.payoff, share if self.case else 0)
        yield Results
