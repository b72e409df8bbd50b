from otree.api import *

from . import *

ABOUT_YOU = dict(consent=True, age=30, height=1.75, country='Norway', education='University', student=False)
OPINIONS = dict(transport='By bicycle', season='Summer', trust=4, patience=2, weekend='I read a book.\nIt rained.')
DRINKS = dict(tea=1, coffee=3, juice=2, cups=5, sugar=True, thirst=7)


class PlayerBot(Bot):
    cases = ['optional questions left open', 'all answered']

    def play_round(self):
        optional = dict(siblings='', nickname='')
        if self.case == 'all answered':
            optional = dict(siblings=2, nickname='Bo', wants_results=True)
        yield SubmissionMustFail(AboutYou, dict(ABOUT_YOU, age=17, height=3), error_fields=['age', 'height'])
        yield AboutYou, dict(ABOUT_YOU, **optional)
        expect(self.player.height, 1.75)
        expect(self.player.field_maybe_none('siblings'), optional['siblings'] or None)
        yield SubmissionMustFail(Opinions, dict(OPINIONS, trust=6), error_fields=['trust'])
        yield Opinions, OPINIONS
        yield SubmissionMustFail(Drinks, dict(DRINKS, sugar=''), error_fields=['sugar'])
        yield Drinks, DRINKS
        expect(self.player.sugar, True)
