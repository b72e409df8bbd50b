from otree.api import *

from . import *


class PlayerBot(Bot):
    def play_round(self):
        expect(str(C.ENDOWMENT), 'in', self.html)
        yield Introduction
        yield SubmissionMustFail(Contribute, dict(contribution=C.ENDOWMENT + 1))
        yield Contribute, dict(contribution=20 * self.player.id_in_group)
        expect(self.group.total, 120)
        expect(self.group.share, 72)
        expect(self.player.payoff, 172 - 20 * self.player.id_in_group)
        yield Results
