from otree.api import *

from . import *


class PlayerBot(Bot):
    cases = ['A', 'B']

    def play_round(self):
        yield Instructions
        choices = {f'choice_{row}': self.case for row in range(1, C.ROWS + 1)}
        yield SubmissionMustFail(Choices, dict(choices, choice_7='C'), error_fields=['choice_7'])
        yield Choices, choices
        paid = dict(A=[C.A_LOW, C.A_HIGH], B=[C.B_LOW, C.B_HIGH])[self.case]
        expect(self.player.payoff, paid[self.player.ball <= self.player.row_paid])
        yield Results
