from otree.api import *

doc = """
Public goods game: each of three players puts part of an endowment into a common pot,
which is multiplied and shared equally.
"""


class C(BaseConstants):
    NAME_IN_URL = 'public_goods'
    PLAYERS_PER_GROUP = 3
    NUM_ROUNDS = 1
    ENDOWMENT = cu(100)
    MULTIPLIER = 1.8


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    total = models.CurrencyField()
    share = models.CurrencyField()


class Player(BasePlayer):
    contribution = models.CurrencyField(
        min=0, max=C.ENDOWMENT, label='How much do you contribute to the common pot?'
    )


def set_payoffs(group: Group):
    players = group.get_players()
    group.total = sum(p.contribution for p in players)
    group.share = group.total * C.MULTIPLIER / C.PLAYERS_PER_GROUP
    for p in players:
        p.payoff = C.ENDOWMENT - p.contribution + group.share


class Introduction(Page):
    pass


class Contribute(Page):
    form_model = 'player'
    form_fields = ['contribution']


class ResultsWaitPage(WaitPage):
    after_all_players_arrive = set_payoffs


class Results(Page):
    pass


page_sequence = [Introduction, Contribute, ResultsWaitPage, Results]
