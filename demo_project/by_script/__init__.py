import random

from otree.api import *

doc = """
Questions that are answered by scripts: cards to drag into an order, a slider, tiles, a quiz that is checked on the
page, a typing task, and a question that arrives after the page. What scripts write into hidden fields is required.
"""


class C(BaseConstants):
    NAME_IN_URL = 'by_script'
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 1
    VALUES = ['Family', 'Friends', 'Health', 'Work']
    # six gambles with equal chances (Eckel and Grossman, 2002): each risks more than the one before
    GAMBLES = [(28, 28), (24, 36), (20, 44), (16, 52), (12, 60), (2, 70)]
    WORDS = 'river lamp garden seven music paper orange window cloud bridge silver table'.split()
    TYPING_SECONDS = 30
    SEASONS = ['Spring', 'Summer', 'Autumn', 'Winter']


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pass


class Player(BasePlayer):
    ranking = models.StringField(doc='The values from the most to the least important one, with commas between them.')
    saved = models.IntegerField(min=0, max=100)
    gamble = models.IntegerField(choices=[1, 2, 3, 4, 5, 6])
    wrong_tries = models.IntegerField(min=0)
    words_typed = models.IntegerField(min=0, max=len(C.WORDS))
    season = models.StringField(choices=C.SEASONS)


def ranking_error_message(player: Player, value):
    if sorted(value.split(',')) != sorted(C.VALUES):
        return 'Please put all cards into your order.'


class Ranking(Page):
    form_model = 'player'
    form_fields = ['ranking']


class Slider(Page):
    form_model = 'player'
    form_fields = ['saved']


class Tiles(Page):
    form_model = 'player'
    form_fields = ['gamble']

    @staticmethod
    def before_next_page(player: Player, timeout_happened):
        player.payoff = random.choice(C.GAMBLES[player.gamble - 1])


class Check(Page):
    form_model = 'player'
    form_fields = ['wrong_tries']


class Typing(Page):
    form_model = 'player'
    form_fields = ['words_typed']
    timeout_seconds = C.TYPING_SECONDS

    @staticmethod
    def js_vars(player: Player):
        return dict(words=C.WORDS)


class Late(Page):
    form_model = 'player'
    form_fields = ['season']


class Results(Page):
    pass


page_sequence = [Ranking, Slider, Tiles, Check, Typing, Late, Results]
