from otree.api import *

from . import *


class PlayerBot(Bot):
    def play_round(self):
        expect('answer_key', 'in', self.html)
        yield SubmissionMustFail(Choice, dict(lottery='A', bet=3), error_fields=['bet'])
        yield Choice, dict(lottery='A', bet=C.ENDOWMENT)
        expect(self.player.is_green, True)
        expect(self.player.payoff, 11)
        yield Results
        if self.round_number == C.NUM_ROUNDS:
            expect(self.subsession.best_total, 22)
            yield Total
