from otree.api import *

from . import *


class PlayerBot(Bot):
    cases = ['in time', 'too late']

    def play_round(self):
        for wrong in ('', 'Work', 'Family,Friends,Health,Health', 'Work,Health,Friends,Family,Family'):
            yield SubmissionMustFail(Ranking, dict(ranking=wrong), error_fields=['ranking'])
        yield Ranking, dict(ranking='Work,Health,Friends,Family')
        for wrong in ('', 101):
            yield SubmissionMustFail(Slider, dict(saved=wrong), error_fields=['saved'])
        yield Slider, dict(saved=70)
        for wrong in ('', 7):
            yield SubmissionMustFail(Tiles, dict(gamble=wrong), error_fields=['gamble'])
        yield Tiles, dict(gamble=6)
        expect(self.player.payoff, 'in', [2, 70])
        yield SubmissionMustFail(Check, dict(wrong_tries=''), error_fields=['wrong_tries'])
        yield Check, dict(wrong_tries=0)
        yield SubmissionMustFail(Typing, dict(words_typed=''), error_fields=['words_typed'])
        late = self.case == 'too late'
        yield Submission(Typing, dict(words_typed='' if late else 3), timeout_happened=late)
        expect(self.player.words_typed, 0 if late else 3)
        yield SubmissionMustFail(Late, dict(season=''), error_fields=['season'], check_html=False)
        yield Submission(Late, dict(season='Winter'), check_html=False)
        expect('Work,Health,Friends,Family', 'in', self.html)
        yield Results
