import random

from otree.api import *

doc = """
Lottery choice: in each of two rounds, choose a lottery and how much to bet on it.
The page of the choice carries secrets that nobody who looks at it in a browser sees, and no bot may see either.
"""


class C(BaseConstants):
    NAME_IN_URL = 'lottery'
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 2
    ENDOWMENT = cu(10)
    BALLS = 10
    LOTTERIES = [
        dict(name='A', green=10, red=0, factor=1.1),
        dict(name='B', green=5, red=5, factor=2.5),
        dict(name='C', green=1, red=9, factor=14),
    ]


class Subsession(BaseSubsession):
    best_total = models.CurrencyField()


class Group(BaseGroup):
    pass


class Player(BasePlayer):
    ball = models.IntegerField(doc='Number of the ball drawn: the green ones have the lowest numbers.')
    lottery = models.StringField(
        choices=[[x['name'], 'Lottery ' + x['name']] for x in C.LOTTERIES], label='Which lottery do you choose?'
    )
    bet = models.CurrencyField(choices=currency_range(cu(0), C.ENDOWMENT, cu(2)), label='How much do you bet on it?')
    is_green = models.BooleanField()


def creating_session(subsession: Subsession):
    for player in subsession.get_players():
        player.ball = random.randint(1, C.BALLS)


def get_total(player: Player):
    return sum(p.payoff for p in player.in_all_rounds())


def set_best_total(subsession: Subsession):
    subsession.best_total = max(get_total(p) for p in subsession.get_players())


class Choice(Page):
    form_model = 'player'
    form_fields = ['lottery', 'bet']

    @staticmethod
    def js_vars(player: Player):
        return dict(answer_key=player.ball)

    @staticmethod
    def before_next_page(player: Player, timeout_happened):
        chosen = next(x for x in C.LOTTERIES if x['name'] == player.lottery)
        player.is_green = player.ball <= chosen['green']
        player.payoff = C.ENDOWMENT - player.bet
        if player.is_green:
            player.payoff += player.bet * chosen['factor']


class Results(Page):
    pass


class WaitForAll(WaitPage):
    wait_for_all_groups = True
    after_all_players_arrive = set_best_total

    @staticmethod
    def is_displayed(player: Player):
        return player.round_number == C.NUM_ROUNDS


class Total(Page):
    @staticmethod
    def is_displayed(player: Player):
        return player.round_number == C.NUM_ROUNDS

    @staticmethod
    def vars_for_template(player: Player):
        return dict(rounds=player.in_all_rounds(), total=get_total(player))


page_sequence = [Choice, Results, WaitForAll, Total]
