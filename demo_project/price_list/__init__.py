import random

from otree.api import *

doc = """
Price list for risk aversion (Holt and Laury, 2002): ten choices between a safer and a riskier lottery in one table,
one of which is drawn and paid. The instructions are folded away, and in oTree 6 a button leads back to them.
"""


def make_choice():
    return models.StringField(choices=['A', 'B'], widget=widgets.RadioSelect)


class C(BaseConstants):
    NAME_IN_URL = 'price_list'
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 1
    ROWS = 10
    A_HIGH, A_LOW = cu(40), cu(32)
    B_HIGH, B_LOW = cu(77), cu(2)


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pass


class Player(BasePlayer):
    choice_1 = make_choice()
    choice_2 = make_choice()
    choice_3 = make_choice()
    choice_4 = make_choice()
    choice_5 = make_choice()
    choice_6 = make_choice()
    choice_7 = make_choice()
    choice_8 = make_choice()
    choice_9 = make_choice()
    choice_10 = make_choice()
    row_paid = models.IntegerField()
    ball = models.IntegerField()
    choice_paid = models.StringField()


def creating_session(subsession: Subsession):
    for player in subsession.get_players():
        player.row_paid = random.randint(1, C.ROWS)
        player.ball = random.randint(1, C.ROWS)


def set_payoff(player: Player):
    """In row r the higher amount is paid if one of the balls 1 to r is drawn out of ten."""
    player.choice_paid = getattr(player, f'choice_{player.row_paid}')
    high, low = (C.A_HIGH, C.A_LOW) if player.choice_paid == 'A' else (C.B_HIGH, C.B_LOW)
    player.payoff = high if player.ball <= player.row_paid else low


class Instructions(Page):
    pass


class Choices(Page):
    form_model = 'player'
    form_fields = [f'choice_{row}' for row in range(1, C.ROWS + 1)]
    allow_back_button = True

    @staticmethod
    def vars_for_template(player: Player):
        rows = [dict(number=n, field=f'choice_{n}', rest=C.ROWS - n) for n in range(1, C.ROWS + 1)]
        return dict(rows=rows, can_go_back=hasattr(Page, 'allow_back_button'))

    @staticmethod
    def before_next_page(player: Player, timeout_happened):
        set_payoff(player)


class Results(Page):
    pass


page_sequence = [Instructions, Choices, Results]
