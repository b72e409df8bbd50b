import time

from otree.api import *

from . import *


class PlayerBot(Bot):
    cases = ['in time', 'too late']

    def play_round(self):
        yield Submission(Words, timeout_happened=True, check_html=False)
        yield SubmissionMustFail(Pause)
        expect('You cannot pass this page yet', 'in', self.html)
        time.sleep(C.PAUSE_SECONDS)
        yield Pause
        is_late = self.case == 'too late'
        yield Submission(Recall, dict(new_word='garden', third_word='Spoon'), timeout_happened=is_late)
        expect(self.player.is_late, is_late)
        expect(self.player.payoff, 0 if is_late else 2 * C.PRIZE)
        yield Results
